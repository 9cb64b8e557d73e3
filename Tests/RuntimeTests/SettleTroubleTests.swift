import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// A topic that a record must go to and that cannot be written: nothing is committed, and everybody hears of it.
@Suite struct SettleTroubleTests {
    private static let tooLarge = KafkaError(code: 10, name: "MSG_SIZE_TOO_LARGE", message: "too large")

    /// At-least-once, where the state topic alone is at fault, what is visible is not written again.
    @Test func whatIsDeliveredButForTheStateTopicIsNotWrittenAgain() throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: .atLeastOnce)
        try machine.send(Work(name: "a", number: 1, how: "call"))
        machine.runToSettlement()
        for _ in 0..<3 {
            let batch = try #require(machine.settling)
            let delivered = batch.places { !$0.isOf(machine.settings.topics.state) }
            machine.settle(.failed(KafkaError(code: -1, name: "_TEST", message: "a test", isRetriable: true), delivered: delivered))
            machine.pass(2_000)
            machine.advance()
            #expect(try #require(machine.settling).records.joined().map(\.topic) == [machine.settings.topics.state])
        }
        machine.runDry()
        #expect(try machine.events(WorkStarted.self).count == 1)
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    /// It only tells of the dead letter, which is written.
    @Test(arguments: DeliveryMode.allCases)
    func aDeadLetterDoesNotWaitForATopicOfErrorsThatRefuses(_ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery)
        try machine.send(Work(name: "a", number: 1, how: "poison"))
        machine.runToSettlement()
        let refused = KafkaError(code: 29, name: "TOPIC_AUTHORIZATION_FAILED", message: "not allowed")
        let letter = delivery == .atLeastOnce ? try #require(machine.settling).places { $0.topic == "mesh.dlq" } : [:]
        machine.settle(.refused(refused, item: 0, topic: "bot.error", delivered: letter))
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["poison"])
        #expect(machine.log.records(of: "bot.error").isEmpty)
        #expect(machine.entries.contains { $0.level == .error && $0.message.contains("bot.error cannot be written") })
        machine.expectAllCommitted()
    }

    /// Both are refused, for reasons of their own: what only tells of the letter goes, and a letter without its record takes its place.
    @Test(arguments: DeliveryMode.allCases, [false, true])
    func aDeadLetterThatIsTooLargeDoesNotWaitForATopicOfErrorsThatRefuses(_ delivery: DeliveryMode, isErrorFirst: Bool) throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery)
        try machine.send(Work(name: "a", number: 1, how: "poison"))
        machine.runToSettlement()
        let refused = KafkaError(code: 29, name: "TOPIC_AUTHORIZATION_FAILED", message: "not allowed")
        let tooLarge = KafkaError(code: 10, name: "MSG_SIZE_TOO_LARGE", message: "too large")
        let unwritten = [Unwritten(item: 0, topic: "bot.error", error: refused), Unwritten(item: 0, topic: "mesh.dlq", error: tooLarge)]
        machine.settle(.failed(isErrorFirst ? refused : tooLarge, unwritten: isErrorFirst ? unwritten : unwritten.reversed()))
        machine.pass(2_000)
        machine.advance()
        let records = try #require(machine.settling).records.joined()
        #expect(records.count { $0.topic == "mesh.dlq" } == 1 && !records.contains { $0.topic == "bot.error" })
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["oversized"])
        machine.expectAllCommitted()
    }

    /// For 100 s the topic takes nothing; how often something of it was to be settled.
    private func refuse(_ error: KafkaError, _ topic: String, _ machine: Machine) -> Int {
        var attempts = 0
        for _ in 0..<100 {
            machine.restore()
            machine.deliver()
            machine.advance()
            if let batch = machine.settling {
                let place = batch.records.firstIndex { records in records.contains { $0.topic == topic } }
                attempts += place == nil ? 0 : 1
                machine.settle(place.map { .refused(error, item: $0, topic: topic) } ?? .committed)
            }
            machine.pass(1_000)
        }
        return attempts
    }

    /// What cannot be written for `how`, by topic.
    @Test(arguments: [("poison", "mesh.dlq"), ("hopeless", "retry.workbot")], [DeliveryMode.exactlyOnce, .atLeastOnce])
    func aTopicThatRefusesHoldsTheCommitAndRaisesAnAlarm(_ kind: (how: String, topic: String), _ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, delivery: delivery)
        try machine.send(Work(name: "a", number: 1, how: kind.how))
        try machine.send(Work(name: "a", number: 2, how: "plain"))
        let refused = KafkaError(code: 29, name: "TOPIC_AUTHORIZATION_FAILED", message: "not allowed")
        _ = refuse(refused, kind.topic, machine)
        #expect(machine.log.committed.values.allSatisfy { $0.offset == 0 }, "nothing passes what is not settled")
        #expect(machine.log.records(of: kind.topic).isEmpty)
        let trouble = try #require(machine.engine.trouble)
        #expect(trouble.isAlarm)
        #expect(trouble.message.contains(kind.topic) && trouble.message.contains("cannot be written"))
        let alarms = machine.entries.filter { $0.level == .error && $0.message.contains("cannot be written") }
        #expect((2...4).contains(alarms.count), "once in a while, in 100 s: \(alarms.count)")
        #expect(alarms.allSatisfy { $0.message.contains("mesh topics apply") && $0.message.contains("mesh doctor") })
        let first = delivery == .exactlyOnce ? "nothing of a settlement of" : "a settlement of 2 results is not known"
        #expect(machine.entries.filter { $0.message.contains(first) }.count == 1)
        machine.runDry()
        #expect(machine.engine.trouble == nil)
        #expect(machine.entries.contains { $0.message.contains("settled again") })
        #expect(machine.dead.count == 1)
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    /// A record that is done has set a reminder, or has a state: that its topic refuses is no fault of the record.
    @Test(arguments: [("remind", "retry.workbot"), ("plain", "state.countbot"), ("plain", "inbox.countbot")], DeliveryMode.allCases)
    func aTopicOfTheBotsOwnIsWaitedForWhateverTheResult(_ kind: (how: String, topic: String), _ delivery: DeliveryMode) throws {
        let machine =
            try kind.how == "plain" ? Machine(CountBot.self, delivery: delivery) : Machine(WorkBot.self, delivery: delivery)
        try machine.send(Work(name: "a", number: 1, how: kind.how))
        let refused = KafkaError(code: 3, name: "UNKNOWN_TOPIC_OR_PART", message: "no such topic")
        let attempts = refuse(refused, kind.topic, machine)
        #expect(attempts > 20)
        let held = kind.topic == machine.settings.topics.state ? machine.settings.topics.inbox : Work.type.name
        #expect(machine.log.committed.allSatisfy { $0.key.topic != held || $0.value.offset == 0 }, "nothing passes it")
        #expect(machine.engine.trouble?.isAlarm == true && machine.engine.trouble?.message.contains(kind.topic) == true)
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    @Test(arguments: DeliveryMode.allCases) func aResultsTopicThatRefusesMakesADeadLetter(_ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, delivery: delivery)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        try machine.send(Work(name: "b", number: 2, how: "poison"))
        _ = refuse(KafkaError(code: 29, name: "TOPIC_AUTHORIZATION_FAILED", message: "not allowed"), WorkDone.type.name, machine)
        #expect(Set(machine.dead.map { header("mesh_error_code", of: $0) }) == ["output-refused", "poison"])
        #expect(machine.engine.trouble == nil)
        machine.expectAllCommitted()
    }

    /// However many of a settlement are refused, and whether they are told of one after the other: none waits for the others' pauses.
    @Test(arguments: [1, 7, 100], DeliveryMode.allCases) func whatIsRefusedIsReplacedAtOnce(_ toldAtOnce: Int, _ delivery: DeliveryMode)
        throws
    {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery)
        machine.restoreAll()
        for number in 0..<120 { try machine.send(Work(name: "n\(number)", number: number, how: "plain")) }
        while machine.deliver() != nil {}
        let refused = Self.tooLarge
        let start = machine.uptime
        while machine.dead.count < 100, machine.uptime < start + 60_000 {
            machine.advance()
            if let batch = machine.settling {
                let tooLarge = batch.records.indices.filter { place in
                    place >= 20 && batch.records[place].contains { $0.topic == WorkDone.type.name }
                }
                let unwritten = tooLarge.prefix(toldAtOnce).map { Unwritten(item: $0, topic: WorkDone.type.name, error: refused) }
                machine.settle(unwritten.isEmpty ? .committed : .failed(refused, unwritten: unwritten))
            }
            machine.pass(20)
        }
        #expect(machine.uptime - start < 10_000)
        #expect(machine.dead.compactMap { header("mesh_error_code", of: $0) } == Array(repeating: "output-refused", count: 100))
        #expect(try machine.events(WorkDone.self).count == 20)
        #expect(machine.engine.trouble == nil)
    }

    /// A dead letter that is refused without its value too is not made again and again.
    @Test func whatHasNothingSmallerWaits() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        machine.restoreAll()
        try machine.send(Work(name: "a", number: 1, how: "poison"))
        while machine.deliver() != nil {}
        var attempts = 0
        while machine.uptime < 60_000 {
            machine.advance()
            if machine.settling != nil { attempts += 1 }
            machine.settle(.refused(Self.tooLarge, item: 0, topic: "mesh.dlq"))
            machine.pass(10)
        }
        #expect((20...50).contains(attempts), "\(attempts): once in two seconds")
        machine.runDry()
        #expect(machine.dead.compactMap { header("mesh_error_code", of: $0) } == ["oversized"])
        machine.expectAllCommitted()
    }

    /// As librdkafka's errors about sequence numbers, which follow a record that was refused.
    @Test func anAlarmNamesTheTopicAlsoWhereTheLastFailureDoesNot() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 1, how: "poison"))
        let refused = Self.tooLarge
        let later = KafkaError(code: 45, name: "OUT_OF_ORDER_SEQUENCE_NUMBER", message: "skipped", isRetriable: true)
        machine.runToSettlement()
        machine.settle(.refused(refused, item: 0, topic: "mesh.dlq"))
        while machine.engine.trouble?.isAlarm != true, machine.uptime < 20_000 {
            machine.pass(1_000)
            machine.advance()
            machine.settle(.failed(later))
        }
        let alarm = try #require(machine.entries.last { $0.message.contains("for 5 s") || $0.message.contains("for 6 s") })
        #expect(["mesh.dlq", "cannot be written, and so nothing is committed", "skipped"].allSatisfy(alarm.message.contains))
        #expect(machine.engine.trouble?.message.contains("mesh.dlq") == true)
    }

    /// A transaction says only that some record of it failed.
    @Test func theErrorOfTheRecordIsToldAndNotThatOfTheCommit() {
        let commit = KafkaError(code: -149, name: "_INCONSISTENT", message: "1 message(s) failed delivery")
        let purged = KafkaError(code: -152, name: "_PURGE_QUEUE", message: "purged")
        let late = KafkaError(code: -192, name: "_MSG_TIMED_OUT", message: "timed out", isRetriable: true)
        let refused = KafkaError(code: 29, name: "TOPIC_AUTHORIZATION_FAILED", message: "not allowed")
        func cause(_ error: KafkaError, _ errors: KafkaError...) -> KafkaError {
            SettleTrouble.cause(error, errors.map { Unwritten(item: 0, topic: "bot.error", error: $0) })
        }
        #expect(cause(commit) == commit)
        #expect(cause(commit, purged, late) == late)
        #expect(cause(commit, purged) == purged)
        #expect(cause(commit, late, refused) == refused)
        #expect(cause(refused, late) == refused)
    }

    @Test func aShortFailureIsNoAlarm() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        machine.runToSettlement()
        machine.settle(.failed(KafkaError(code: -1, name: "_TIMED_OUT", message: "slow", isRetriable: true)))
        #expect(machine.engine.trouble != nil)
        machine.runDry()
        #expect(machine.engine.trouble == nil)
        #expect(!machine.entries.contains { $0.level == .error })
    }

    /// The steps before were settled: who puts the dead letter back does not have them told again.
    @Test(arguments: DeliveryMode.allCases) func aRefusedLastResultSaysWhatTheStepsBeforeMadeVisible(_ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery)
        _ = try runningCall(machine)
        machine.finishCall()
        machine.runToSettlement()
        let place = try #require(
            machine.settling?.records.firstIndex { $0.contains { $0.topic == WorkDone.type.name } })
        machine.settle(.refused(Self.tooLarge, item: place))
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["output-refused"])
        #expect(machine.dead.map { header("mesh_produced", of: $0) } == ["work.started:1"])
        #expect(try machine.events(WorkDone.self).isEmpty)
        machine.expectAllCommitted()
    }

    /// At-least-once, where the journal alone is refused, what the step made is visible.
    @Test func aRefusedJournalTakesNothingBackThatIsVisible() throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: .atLeastOnce)
        try machine.send(Work(name: "a", number: 1, how: "call"))
        machine.runToSettlement()
        let refused = Self.tooLarge
        let unwritten = [Unwritten(item: 0, topic: machine.settings.topics.state, error: refused)]
        let delivered = try #require(machine.settling).places { !$0.isOf(machine.settings.topics.state) }
        machine.settle(.failed(refused, unwritten: unwritten, delivered: delivered))
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["output-refused"])
        #expect(machine.dead.map { header("mesh_produced", of: $0) } == ["work.started:1"])
        #expect(try machine.events(WorkStarted.self).count == 1)
        machine.expectAllCommitted()
    }

    /// At-least-once, of what the last step made only the state is refused: what became visible is named.
    @Test func aRefusedStateTakesNothingBackThatIsVisible() throws {
        let machine = try Machine(CountBot.self, partitions: 1, delivery: .atLeastOnce)
        machine.restoreAll()
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        let state = machine.settings.topics.state
        for _ in 0..<60 where !(machine.settling?.records.joined().contains { $0.topic == WorkDone.type.name } ?? false) {
            if machine.settling != nil { machine.settle(.committed) }
            machine.deliver()
            machine.advance()
        }
        let batch = try #require(machine.settling)
        let refused = Self.tooLarge
        machine.settle(.refused(refused, item: 0, topic: state, delivered: batch.places { !$0.isOf(state) }))
        machine.runDry()
        #expect(machine.dead.map { header("mesh_produced", of: $0) } == ["work.done:1"])
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    /// At-least-once, one of two results of a type is refused. What stands before it is visible; who took what stands behind it for the first would never write that.
    @Test(arguments: [0, 1]) func whatStandsBehindAMissingResultDoesNotCount(_ missing: Int) throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: .atLeastOnce)
        try machine.send(Work(name: "a", number: 1, how: "twice"))
        machine.runToSettlement()
        machine.settle(.refused(Self.tooLarge, item: 0, delivered: [0: [1 - missing]]))
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["output-refused"])
        #expect(machine.dead.map { header("mesh_produced", of: $0) } == [missing == 0 ? nil : "work.done:1"])
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    /// At-least-once, the notification that a rule asks for is refused. Who took its event for visible would never write it.
    @Test(arguments: [("plain", nil), ("call", nil), ("twice", "work.done:1")])
    func anEventDoesNotCountWhoseNotificationIsMissing(_ run: (how: String, produced: String?)) throws {
        let rule = BotConfiguration.NotificationRule(event: "work.#", channels: ["ops"])
        let machine = try Machine(
            WorkBot.self, partitions: 1, delivery: .atLeastOnce, configuration: configuration { $0.notifications = [rule] })
        try machine.send(Work(name: "a", number: 1, how: run.how))
        machine.runToSettlement()
        let records = try #require(machine.settling?.records.first)
        let missing = try #require(records.lastIndex { $0.isAside })
        machine.settle(
            .refused(Self.tooLarge, item: 0, topic: NotificationRequested.type.name, delivered: [0: Set(0..<missing)]))
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["output-refused"])
        #expect(machine.dead.map { header("mesh_produced", of: $0) } == [run.produced])
        machine.expectAllCommitted()
    }

    /// What a step made, or its journal, is refused for good: the run ends, its calls too, and the next of its key goes on.
    @Test(arguments: [("call", 1), ("chain", 2), ("calls", 2)], DeliveryMode.allCases)
    func aRefusedStepEndsItsRun(_ run: (how: String, step: Int), _ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, delivery: delivery)
        try machine.send(Work(name: "a", number: 1, how: run.how))
        try machine.send(Work(name: "a", number: 2, how: "plain"), id: "next")
        let refused = Self.tooLarge
        var steps = 0
        for _ in 0..<200 where steps < run.step {
            machine.restore()
            machine.deliver()
            machine.advance()
            guard let batch = machine.settling else {
                if machine.calls.count == machine.started.count { machine.finishCall(machine.started.first?.reference) }
                continue
            }
            let journaled = batch.records.firstIndex { $0.contains { $0.topic == machine.settings.topics.state } }
            if journaled != nil { steps += 1 }
            machine.settle(journaled.flatMap { steps == run.step ? .refused(refused, item: $0) : nil } ?? .committed)
        }
        #expect(steps == run.step)
        let running = Set(machine.calls.keys)
        #expect(running.count == (run.how == "calls" ? 1 : 0))
        #expect(machine.cancelled.isSuperset(of: running))
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["output-refused"])
        // What became visible before is not made again when the record is put back; what was refused is.
        #expect(machine.dead.first.flatMap { header("mesh_produced", of: $0) } == (run.step == 1 ? nil : "work.started:1"))
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == [2], "the next of its key")
        #expect(machine.engine.begun.isEmpty && machine.engine.jobsWithCalls == 0 && machine.engine.inProgress.isEmpty)
        #expect(machine.engine.trouble == nil)
        machine.expectAllCommitted()
    }

    /// The note of an attempt in place is refused: the run ends once, whatever its next attempt would have come to.
    @Test func anAttemptWhoseNoteIsRefusedEndsTheRunOnce() throws {
        let machine = try Machine(OrderedBot.self, partitions: 1)
        machine.restoreAll()
        try machine.send(Work(name: "a", number: 1, how: "flaky"))
        try machine.send(Work(name: "a", number: 2, how: "plain"), id: "next")
        while machine.deliver() != nil {}
        machine.advance()
        #expect(machine.settling?.records.joined().map(\.topic) == [machine.settings.topics.state], "the note of the first attempt")
        for _ in 0..<5 {
            machine.pass(2_000)
            machine.advance()
        }
        machine.settle(.refused(Self.tooLarge, item: 0))
        #expect(machine.engine.parked == 0)
        machine.runDry()
        #expect(machine.dead.count == 1)
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == [2])
        #expect(machine.engine.waitingBytes == 0 && machine.engine.begun.isEmpty && machine.engine.inProgress.isEmpty)
        machine.expectAllCommitted()
    }

    /// A journal that cannot be written for want of rights waits for them.
    @Test func aStateTopicThatRefusesIsNoFaultOfTheRun() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        machine.restoreAll()
        try machine.send(Work(name: "a", number: 1, how: "call"))
        while machine.deliver() != nil {}
        machine.advance()
        let refused = KafkaError(code: 29, name: "TOPIC_AUTHORIZATION_FAILED", message: "not allowed")
        for _ in 0..<10 {
            machine.settle(.refused(refused, item: 0, topic: machine.settings.topics.state))
            machine.pass(3_000)
            machine.advance()
        }
        #expect(machine.engine.trouble?.isAlarm == true)
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    /// At-least-once: one record of a batch is refused for long. What was delivered beside it is not delivered again each time.
    @Test func whatWasDeliveredIsNotDeliveredAgain() throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: .atLeastOnce)
        machine.restoreAll()
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        try machine.send(Work(name: "b", number: 2, how: "poison"))
        try machine.send(Work(name: "c", number: 3, how: "plain"))
        while machine.deliver() != nil {}
        machine.advance()
        let refused = KafkaError(code: 29, name: "TOPIC_AUTHORIZATION_FAILED", message: "not allowed")
        for _ in 0..<20 {
            let batch = try #require(machine.settling)
            let place = try #require(batch.records.firstIndex { $0.contains { $0.topic == "mesh.dlq" } })
            let delivered = batch.places { $0.topic != "mesh.dlq" }
            machine.settle(.refused(refused, item: place, delivered: delivered))
            machine.pass(3_000)
            machine.advance()
        }
        #expect(try machine.events(WorkDone.self).count == 2)
        #expect(machine.log.committed.isEmpty, "nothing passes what is not settled")
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 2)
        #expect(machine.dead.count == 1)
        machine.expectAllCommitted()
    }

    /// At-least-once a later result of its key may have been delivered before it.
    @Test func whatIsWrittenAgainBehindOthersSaysSo() throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: .atLeastOnce)
        machine.restoreAll()
        for number in 1...3 { try machine.send(Work(name: "a", number: number, how: "plain")) }
        while machine.deliver() != nil {}
        machine.advance()
        // The third is not behind any other.
        let late = KafkaError(code: -192, name: "_MSG_TIMED_OUT", message: "too late", isRetriable: true)
        machine.settle(.failed(late))
        machine.pass(3_000)
        machine.advance()
        machine.settle(.failed(late, delivered: [1: [0]], lastBegun: BatchPlace(item: 1, record: 0), unknown: 2))
        let said = try #require(machine.entries.first { $0.message.contains(RuntimeSettings.mayBeTwice) })
        #expect(said.level == .warn && said.fields.contains { $0 == ("records", "2") })
        machine.runDry()
        let results = machine.log.records(of: WorkDone.type.name)
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == [2, 1, 3])
        #expect(results.map { header("mesh_reordered", of: $0) } == [nil, "1", nil])
        machine.expectAllCommitted()
    }

    /// The same within what one record led to; what was delivered is not written again.
    @Test func whatIsWrittenAgainBehindTheRestOfItsItemSaysSo() throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: .atLeastOnce)
        try machine.send(Work(name: "a", number: 1, how: "twice"))
        machine.runToSettlement()
        let late = KafkaError(code: -192, name: "_MSG_TIMED_OUT", message: "too late", isRetriable: true)
        machine.settle(.failed(late, delivered: [0: [1]], lastBegun: BatchPlace(item: 0, record: 1)))
        machine.runDry()
        let results = machine.log.records(of: WorkDone.type.name)
        #expect(results.map { header("mesh_reordered", of: $0) } == [nil, "1"])
        #expect(Set(results.map(\.value)).count == 2)
        machine.expectAllCommitted()
    }

    /// A bot with state hands the record to itself first: there it may have come behind a later one already.
    @Test func whatIsForwardedAgainBehindOthersSaysSoInItsResult() throws {
        let machine = try Machine(CountBot.self, partitions: 1, delivery: .atLeastOnce)
        machine.restoreAll()
        for number in 1...2 { try machine.send(Work(name: "a", number: number, how: "plain")) }
        while machine.deliver() != nil {}
        machine.advance()
        let late = KafkaError(code: -192, name: "_MSG_TIMED_OUT", message: "too late", isRetriable: true)
        let batch = try #require(machine.settling)
        #expect(batch.records.joined().allSatisfy { $0.topic == machine.settings.topics.inbox })
        machine.settle(.failed(late, delivered: [1: [0]], lastBegun: BatchPlace(item: 1, record: 0)))
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == [2, 1])
        let results = machine.log.records(of: WorkDone.type.name)
        #expect(results.map { header("mesh_reordered", of: $0) } == [nil, "1"])
        machine.expectAllCommitted()
    }

    /// A rebalance lets a settlement fail, and takes what was in it.
    @Test func troubleEndsWithWhatItWasAbout() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        machine.runToSettlement()
        machine.settle(.failed(KafkaError(code: -1, name: "_TIMED_OUT", message: "slow", isRetriable: true)))
        machine.giveUp(machine.inputs)
        machine.pass(3_000)
        machine.advance()
        #expect(machine.engine.trouble == nil)
    }
}
