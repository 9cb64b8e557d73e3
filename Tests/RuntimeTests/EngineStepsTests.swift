import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// One step of the way of a record at a time.
@Suite struct EngineStepsTests {
    private func header(_ name: String, of record: Record) -> String? {
        record.headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
    }

    private func configuration(_ change: (inout BotConfiguration) -> Void) -> BotConfiguration {
        var configuration = BotConfiguration(name: "WorkBot")
        change(&configuration)
        return configuration
    }

    // MARK: intake

    @Test func aDuplicateIsHandledOnceAlsoAfterARestart() throws {
        let machine = try Machine(WorkBot.self)
        let work = Work(name: "a", number: 1, how: "plain")
        try machine.send(work)
        try machine.send(work)
        machine.runDry()
        try machine.crash()
        try machine.send(work)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    @Test func aReplayIsHandledAgainAndTheSameReplayOnce() throws {
        let machine = try Machine(WorkBot.self)
        let work = Work(name: "a", number: 1, how: "plain")
        try machine.send(work)
        for _ in 0..<2 { try machine.send(work, replay: "monday") }
        try machine.send(work, replay: "tuesday")
        machine.runDry()
        let done = try machine.events(WorkDone.self)
        #expect(done.count == 3)
        #expect(Set(done.map(\.envelope.id)).count == 3, "a replay is part of the derived ids")
        #expect(done.compactMap(\.envelope.replay).sorted() == ["monday", "tuesday"])
    }

    @Test func garbageIsDeadLetteredAndTheRecordsBehindItGoOn() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        let garbage: [[UInt8]?] = [
            nil, [], Array("{".utf8), [0xff, 0xfe], Array("{\"payload\":1}".utf8), Array("[]".utf8), Array(repeating: 0x5b, count: 5_000),
        ]
        for value in garbage {
            machine.log.append(OutgoingRecord(topic: Work.type.name, key: [1], value: value, headers: [Header("x", nil)]))
        }
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        machine.runDry()
        #expect(machine.dead.count == garbage.count)
        #expect(try machine.events(WorkDone.self).count == 1)
        for record in machine.dead {
            #expect(garbage.contains(record.value))
            #expect(record.key == [1])
            #expect(record.headers.contains(Header("x", nil)))
            #expect(header("mesh_error_code", of: record) != nil)
            #expect(header("kafka_dlt-original-topic", of: record) == Work.type.name)
        }
        #expect(machine.log.records(of: "bot.error").count == garbage.count)
    }

    @Test(arguments: [false, true]) func anExpiredEventIsDeadLettered(isEarly: Bool) throws {
        let machine = isEarly ? try Machine(PromptBot.self) : try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 1, how: "plain"), timeToLive: .seconds(10))
        machine.pass(11_000)
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["expired"])
    }

    @Test(arguments: [false, true]) func aFilterChoosesAndPausesHold(isEarly: Bool) throws {
        func chosen(_ name: String) -> BotConfiguration {
            BotConfiguration(
                name: name, triggers: [.init(kind: .event, pattern: "work.*", filter: "number > 5", priority: .high)])
        }
        let machine =
            isEarly
            ? try Machine(PromptBot.self, configuration: chosen("PromptBot")) : try Machine(WorkBot.self, configuration: chosen("WorkBot"))
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        try machine.send(Work(name: "a", number: 9, how: "plain"))
        machine.engine.setPaused(true)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).isEmpty)
        machine.engine.setPaused(false)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == [9])
        #expect(try machine.events(WorkDone.self).map(\.envelope.priority) == [.medium], "the trigger's priority is this bot's alone")
        machine.expectAllCommitted()
    }

    @Test func fullLanesPauseThePartitionsAndNothingIsLost() throws {
        var limits = Limits()
        limits.waitingRecords = 5
        limits.holdBack = 0
        let machine = try Machine(WorkBot.self, configuration: configuration { $0.constraints.maximumConcurrentJobs = 1 }, limits: limits)
        for number in 0..<200 { try machine.send(Work(name: "n\(number)", number: number, how: number % 2 == 0 ? "call" : "plain")) }
        var most = 0
        for _ in 0..<4_000 {
            machine.happen()
            most = max(most, machine.engine.lanes.count)
        }
        machine.runDry()
        #expect(most < 5 + 20)
        #expect(try machine.events(WorkDone.self).count == 200)
    }

    @Test func theRateAndTheNumberOfRunsAreBounded() throws {
        let machine = try Machine(
            WorkBot.self,
            configuration: configuration {
                $0.constraints.maximumConcurrentJobs = 2
                $0.constraints.rateLimit = .init(requestsPerMinute: 60, burstSize: 3)
            })
        for number in 0..<10 { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
        for _ in 0..<40 {
            machine.restore()
            machine.deliver()
            machine.advance()
            machine.settle()
        }
        #expect(machine.calls.count == 2)
        for _ in 0..<20 {
            machine.finishCall()
            machine.advance()
            machine.settle()
        }
        #expect(machine.started.count == 3, "the burst is spent and no time has passed")
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 10)
    }

    // MARK: calls

    /// Brings the machine to where a call is under way.
    private func runningCall(_ machine: Machine, _ work: Work = Work(name: "a", number: 1, how: "call")) throws -> CallStart {
        try machine.send(work)
        for _ in 0..<60 where machine.calls.isEmpty {
            machine.restore()
            machine.deliver()
            machine.advance()
            machine.settle()
        }
        return try #require(machine.calls.values.first)
    }

    @Test func aCancelledRunEndsAsCancelled() throws {
        let machine = try Machine(WorkBot.self)
        let call = try runningCall(machine)
        machine.engine.cancelRun(call.runID, at: machine.moment)
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["cancelled"])
        // One that starts later ends before its call begins.
        let later = Work(name: "b", number: 2, how: "call")
        machine.engine.cancelRun(RunID.derived(event: EventID("b-2")!, bot: "WorkBot"), at: machine.moment)
        try machine.send(later)
        machine.runDry()
        #expect(machine.started.count == 1)
        #expect(machine.dead.count == 2)
    }

    @Test func aRunHasALimitAndAPerformerThatDoesNotReturnIsLeftBehind() throws {
        let machine = try Machine(WorkBot.self, configuration: configuration { $0.constraints.timeout = .seconds(20) })
        let call = try runningCall(machine)
        machine.pass(21_000)
        machine.advance()
        #expect(machine.cancelled == [call.reference])
        machine.pass(6_000)
        machine.advance()
        for _ in 0..<5 {
            machine.settle()
            machine.advance()
        }
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["run-timeout"])
        // What the performer says at last is nobody's business any more.
        machine.finishCall(call.reference)
        machine.runDry()
        #expect(machine.dead.count == 1)
    }

    @Test func aCallIsRepeatedWithItsKeyAfterACrash() throws {
        let machine = try Machine(WorkBot.self)
        let first = try runningCall(machine)
        try machine.crash()
        machine.runDry()
        #expect(machine.started.count == 2)
        #expect(machine.started[1].idempotencyKey == first.idempotencyKey)
        #expect(!machine.started[0].isRepeat)
        #expect(machine.started[1].isRepeat)
        #expect(try machine.events(WorkStarted.self).count == 1)
        #expect(try machine.events(WorkDone.self).count == 1)
        #expect(machine.audits.map(\.action) == ["call.started", "call.started", "call.finished"])
    }

    @Test func aRecordThatEndsTheProcessEachTimeIsDeadLettered() throws {
        let machine = try Machine(WorkBot.self)
        _ = try runningCall(machine)
        for _ in 0..<20 where machine.dead.isEmpty {
            try machine.crash()
            for _ in 0..<40 {
                machine.restore()
                machine.deliver()
                machine.advance()
                machine.settle()
            }
        }
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["crashes"])
    }

    /// Two copies of a record are in the retry topic, and the one that lies behind the other was done before the crash.
    @Test func aCopyThatIsDueIsNotHandledBeforeTheOneThatIsDoneIsReadAgain() throws {
        let machine = try Machine(PromptBot.self, partitions: 1)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        let record = try #require(machine.log.record(at: 0, of: TopicPartition(Work.type.name, 0)))
        var passport = Passport(record, isOwnTopic: false)
        passport.attempts = 1
        passport.notBefore = Timestamp(milliseconds: machine.wall)
        let copy = OwnRecords(settings: machine.settings).retry(record, passport, key: record.key)
        let retry = machine.log.append(copy)
        #expect(machine.log.append(copy) == retry)
        let note = StateKey.notDone(topic: record.topic, partition: 0, offset: 0)
        machine.log.append(OutgoingRecord(topic: machine.settings.topics.state, partition: 0, key: note.bytes, value: Array("1".utf8)))
        machine.log.committed[record.topicPartition] = CommittedOffset(offset: 1)
        machine.log.committed[retry] = CommittedOffset(offset: 0, metadata: CommitMetadata.text(committed: 0, finished: [1...1]))
        try machine.crash()
        machine.runDry()
        machine.expectAllCommitted()
        #expect(try machine.events(WorkDone.self).isEmpty)
    }

    /// The last of what was finished, below the committed offset and above it.
    @Test(arguments: [(2, 20), (4, 16), (5, 15), (7, 8), (15, 0), (100, 0)] as [(Int64, Int64)])
    func theLastThatWereFinishedAreRemembered(window: Int64, start: Int64) {
        let metadata = CommitMetadata.text(committed: 10, finished: [15...17, 20...21])
        let history = FinishedHistory(CommittedOffset(offset: 10, metadata: metadata), window: window)
        #expect((history.start, history.end) == (start, 22))
        let finished = (start..<30).filter { history.contains($0) }
        #expect(finished == (Array(0..<10) + [15, 16, 17, 20, 21]).filter { $0 >= start })
        let plain = FinishedHistory(CommittedOffset(offset: 10), window: window)
        #expect((plain.start, plain.end) == (max(0, 10 - window), 10))
    }

    /// Who waits for a revocation waits for what comes of the last settlement too.
    @Test func whatIsCommittedIsActedOnBeforeAPartitionIsQuiet() throws {
        var limits = Limits()
        limits.committedAtOnce = 1
        let machine = try Machine(WorkBot.self, partitions: 1, limits: limits)
        machine.restoreAll()
        for number in 0..<10 { try machine.send(Work(name: "n\(number)", number: number, how: "plain")) }
        while machine.engine.unsettled.count < 10 { machine.deliver() }
        machine.advance()
        machine.engine.leaving(machine.inputs)
        while !machine.engine.isQuiet(machine.inputs) {
            machine.settle()
            machine.advance()
        }
        #expect(!machine.engine.hasCommitted)
        #expect(machine.engine.inProgress.isEmpty)
    }

    @Test func aLostPartitionIsLetGoAtOnce() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        machine.runDry()
        let partition = try #require(machine.engine.lastTaken?.topicPartition)
        machine.giveUp([partition])
        #expect(machine.engine.lastTaken == nil, "what it held is not kept until the next record")
    }

    @Test func revokedPartitionsCancelTheirCallsAndTheNextOwnerRepeatsThem() throws {
        let machine = try Machine(WorkBot.self)
        let call = try runningCall(machine)
        let partitions = machine.inputs
        machine.engine.leaving(partitions)
        machine.advance()
        #expect(machine.engine.isQuiet(partitions))
        machine.giveUp(partitions)
        #expect(machine.cancelled.contains(call.reference))
        machine.finishCall(call.reference)
        machine.own(partitions)
        machine.runDry()
        #expect(machine.started.count == 2)
        #expect(try machine.events(WorkDone.self).count == 1)
    }

    // MARK: retry and dead letters

    @Test func aTransientRejectionIsTriedAgain() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 4, how: "flaky"))
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 1)
        let retries = machine.log.records(of: "retry.workbot")
        #expect(retries.map { header("mesh_attempts", of: $0) } == ["1", "2"])
        #expect(retries.allSatisfy { header("mesh_not_before", of: $0) != nil })
        #expect(retries.allSatisfy { header("kafka_dlt-original-topic", of: $0) == "work.requested" })
        #expect(Set(retries.map(\.value)).count == 1, "the value stays byte for byte")
        try machine.send(Work(name: "a", number: 5, how: "plain"))
        machine.runDry()
        #expect(machine.log.records(of: "work.done").map { header("mesh_reordered", of: $0) } == ["1", nil], "what was retried says so")
    }

    @Test func theLastAttemptEndsInTheDeadLettersWithItsHistory() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 4, how: "hopeless"))
        let origin = machine.log.records(of: "work.requested")[0]
        machine.runDry()
        let dead = try #require(machine.dead.first)
        #expect(machine.dead.count == 1)
        #expect(dead.value == origin.value)
        #expect(dead.key == origin.key)
        #expect(origin.headers.allSatisfy { dead.headers.contains($0) })
        #expect(dead.partition == origin.partition % 2)
        #expect(header("kafka_dlt-original-partition", of: dead) == String(origin.partition))
        #expect(header("kafka_dlt-original-offset", of: dead) == String(origin.offset))
        #expect(header("kafka_dlt-original-timestamp", of: dead) == String(origin.timestamp.milliseconds))
        #expect(header("kafka_dlt-original-timestamp-type", of: dead) == "CreateTime")
        #expect(header("kafka_dlt-original-consumer-group", of: dead) == "WorkBot")
        #expect(header("kafka_dlt-exception-fqcn", of: dead) == "botmesh.hopeless")
        #expect(header("kafka_dlt-exception-message", of: dead) == "never")
        #expect(header("mesh_bot", of: dead) == "WorkBot")
        #expect(header("mesh_attempts", of: dead) == "3")
        #expect(header("mesh_redrives", of: dead) == "0")
    }

    @Test func attemptsInPlaceAreCountedAcrossRestarts() throws {
        let machine = try Machine(OrderedBot.self)
        try machine.send(Work(name: "a", number: 4, how: "hopeless"))
        try machine.send(Work(name: "a", number: 5, how: "plain"))
        for _ in 0..<40 {
            machine.restore()
            machine.deliver()
            machine.advance()
            machine.settle()
        }
        #expect(try machine.events(WorkDone.self).isEmpty, "the lane waits")
        try machine.crash()
        machine.runDry()
        #expect(machine.dead.map { header("mesh_attempts", of: $0) } == ["3"])
        #expect(machine.entries.filter { $0.message.contains("attempt 1 of 3") }.count == 1)
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == [5])
    }

    @Test func whatTheBrokerRefusesBecomesADeadLetterAndAtLastItsDigest() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        for _ in 0..<40 where machine.settling == nil {
            machine.restore()
            machine.deliver()
            machine.advance()
        }
        let tooLarge = KafkaError(code: 10, name: "MSG_SIZE_TOO_LARGE", message: "too large")
        machine.settle(.failed(tooLarge, item: 0))
        machine.pass(3_000)
        machine.advance()
        machine.settle(.failed(tooLarge, item: 0))
        machine.runDry()
        let dead = try #require(machine.dead.first)
        #expect(header("mesh_error_code", of: dead) == "oversized")
        let value = try JSONValue.parse(dead.value ?? [])
        #expect(value["sha256"]?.string?.count == 64)
        #expect(value["size_bytes"]?.integer ?? 0 > 0)
        #expect(try machine.events(WorkDone.self).isEmpty)
        machine.expectAllCommitted()
    }

    @Test func aDeadLetterThatCannotBeWrittenHoldsTheCommit() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 1, how: "poison"))
        for _ in 0..<100 {
            machine.restore()
            machine.deliver()
            machine.advance()
            machine.settle(.failed(KafkaError(code: 3, name: "UNKNOWN_TOPIC_OR_PART", message: "no mesh.dlq"), item: 0))
            machine.pass(1_000)
        }
        #expect(machine.log.committed.isEmpty)
        #expect(machine.engine.trouble?.message.contains("no mesh.dlq") ?? false)
        machine.runDry()
        #expect(machine.dead.count == 1)
        #expect(machine.engine.trouble == nil)
    }

    @Test func remindersComeOnceAndSurviveARestart() throws {
        let machine = try Machine(CountBot.self)
        for number in 0..<5 { try machine.send(Work(name: "a", number: number, how: "remind")) }
        for _ in 0..<60 {
            machine.restore()
            machine.deliver()
            machine.advance()
            machine.settle()
        }
        #expect(try machine.events(WorkDone.self).isEmpty)
        try machine.crash()
        machine.runDry()
        try machine.crash()
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.total) == [1, 2, 3, 4, 5])
    }

    @Test func waitingRecordsDoNotHoldTheCommitOfARetryPartition() throws {
        var limits = Limits()
        limits.carryOnBytes = 150
        let machine = try Machine(WorkBot.self, limits: limits)
        // Every second record waits for an hour; the others are due and finish between them.
        for number in 0..<300 {
            var passport = Passport(
                Record(topicPartition: TopicPartition(Work.type.name, 0), offset: Int64(number), key: nil, value: nil), isOwnTopic: false)
            passport.origin.timestamp = RecordTimestamp(kind: .created, milliseconds: 1)
            if number % 2 == 0 { passport.notBefore = Timestamp(milliseconds: machine.wall + 3_600_000) }
            let work = Work(name: "n\(number)", number: number, how: "plain")
            let envelope = Envelope(
                id: EventID("id-\(number)")!, timestamp: Timestamp(milliseconds: machine.wall), source: "test", type: Work.type,
                payload: try work.jsonBytes())
            let encoded = try MeshCodec(catalogue: EventCatalogue(), topics: machine.settings.topics).encode(envelope, key: nil)
            machine.log.append(
                OutgoingRecord(
                    topic: "retry.workbot", partition: 0, key: [1], value: encoded.value,
                    headers: passport.ownHeaders(group: "WorkBot") + encoded.headers))
        }
        machine.runDry(20_000)
        #expect(try machine.events(WorkDone.self).count == 150)
        #expect(machine.log.committed[TopicPartition("retry.workbot", 0)]?.offset ?? 0 > 100, "the commit has moved on")
        machine.pass(3_600_000)
        machine.runDry(20_000)
        #expect(try machine.events(WorkDone.self).count == 300)
        machine.expectAllCommitted()
    }

    // MARK: schedules, notifications, end

    @Test func aScheduleFiresOncePerTick() throws {
        let machine = try Machine(
            WorkBot.self, configuration: configuration { $0.triggers = [.init(kind: .schedule, pattern: "* * * * *")] })
        machine.runDry()
        for _ in 0..<5 {
            machine.pass(20_000)
            machine.runDry()
            try machine.crash()
        }
        machine.runDry()
        let fired = try machine.events(ScheduleFired.self)
        #expect(fired.count >= 3)
        #expect(Set(fired.map(\.payload.firedAt)).count == fired.count, "one record a tick, whoever was the owner")
    }

    @Test func aRuleOfTheConfigurationNotifies() throws {
        let machine = try Machine(
            WorkBot.self,
            configuration: configuration {
                $0.notifications = [
                    .init(event: WorkDone.type, channels: ["slack"], severity: .warning, template: "{{name}} did ${number}")
                ]
            })
        try machine.send(Work(name: "a", number: 7, how: "plain"))
        machine.runDry()
        let requested = try machine.events(NotificationRequested.self)
        #expect(requested.map(\.payload.text) == ["a did 7"])
        #expect(requested.map(\.payload.channels) == [["slack"]])
        #expect(requested.first?.envelope.causationID == (try machine.events(WorkDone.self)).first?.envelope.id.text)
    }

    @Test func aTraceIsCarriedOn() throws {
        let machine = try Machine(WorkBot.self)
        let trace = TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        try machine.send(Work(name: "a", number: 7, how: "plain"), trace: trace)
        machine.runDry()
        let child = try #require(try machine.events(WorkDone.self).first?.envelope.trace?.traceparent)
        #expect(child.hasPrefix("00-0af7651916cd43dd8448eb211c80319c-"))
        #expect(child.hasSuffix("-01"))
        #expect(child.utf8.count == trace.traceparent.utf8.count)
        #expect(child != trace.traceparent)
    }
}
