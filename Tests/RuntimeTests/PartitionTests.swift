import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// What is remembered when a partition is assigned, and what becomes of its work when it goes.
@Suite struct PartitionTests {
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
        let withTicks = FinishedHistory(CommittedOffset(offset: 10), window: window, ticksEnd: 12)
        #expect((withTicks.start, withTicks.end) == (plain.start, 12) && !withTicks.contains(11))
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

    /// The partition goes while it is being restored, and comes back: what was read before somebody else had it is not believed.
    @Test func aRestorationOfAnEarlierAssignmentIsOutOfDate() throws {
        let machine = try Machine(CountBot.self, partitions: 1)
        let inbox = TopicPartition(machine.settings.topics.inbox, 0)
        let old = machine.restoration(of: inbox, machine.engine.assignments)
        machine.giveUp([inbox])
        machine.own([inbox])
        machine.engine.restored(old, at: machine.moment)
        #expect(machine.engine.partitions[inbox]?.isRestored == false)
        machine.engine.restored(machine.restoration(of: inbox, machine.engine.assignments), at: machine.moment)
        #expect(machine.engine.partitions[inbox]?.isRestored == true)
    }

    /// What was decided of partitions that are given up has two seconds to be settled.
    @Test(arguments: DeliveryMode.allCases) func whatARevocationHasNoTimeForIsToldOf(_ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        machine.runToSettlement()
        let inputs = machine.inputs
        machine.engine.leaving(inputs)
        machine.advance()
        #expect(!machine.engine.isQuiet(inputs), "the settlement is not answered")
        machine.engine.tellWhatIsUnfinished(of: inputs, after: "2000 ms and more have gone by,")
        machine.giveUp(inputs)
        let told = machine.entries.filter { $0.message.contains(RuntimeSettings.tooShortToSettle) }
        #expect(told.map { $0.fields.first { $0.0 == "partitions" }?.1 } == [TopicPartition(Work.type.name, 0).description])
    }

    /// Two seconds are all the time that there is, and a pause may be as long.
    @Test(arguments: DeliveryMode.allCases) func whatIsGivenUpDoesNotWaitAfterASettlementThatFailed(_ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        for _ in 0..<8 {
            machine.pass(2_000)
            machine.runToSettlement()
            machine.settle(.failed(KafkaError(code: -1, name: "_TEST", message: "a test", isRetriable: true), unwritten: []))
        }
        machine.advance()
        #expect(machine.settling == nil, "it waits")
        machine.engine.leaving(machine.inputs)
        machine.advance()
        #expect(machine.settling != nil)
    }

    /// Where a bot looks for what it has written.
    @Test func aStateIsLookedForWhereItsInboxLies() throws {
        let machine = try Machine(CountBot.self, partitions: 2)
        for number in 0..<40 { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
        machine.runDry()
        let topic = machine.settings.topics.state
        var kinds: Set<String> = []
        for record in machine.log.records(of: topic) {
            let key = try #require(record.key.flatMap { StateKey($0) })
            kinds.insert(String(decoding: record.key!.prefix(2), as: UTF8.self))
            #expect(key.partition(among: 3) == record.partition, "\(key)")
        }
        #expect(kinds == ["s/", "j/"])
        let moved = machine.log.records(of: topic).compactMap { $0.key.flatMap { StateKey($0) } }.filter { $0.partition(among: 6) >= 3 }
        #expect(!moved.isEmpty, "with more partitions some are looked for elsewhere")
    }

    /// Before their restoration records of all partitions together have no more room than one process has.
    @Test func theBytesThatComeBeforeARestorationAreBounded() throws {
        var limits = Limits()
        limits.earlyBytes = 4_000
        let machine = try Machine(WorkBot.self, partitions: 6, limits: limits)
        for number in 0..<200 { try machine.send(Work(name: "n\(number)", number: number, how: "plain")) }
        let largest = try #require(machine.log.records(of: Work.type.name).map(\.byteCount).max())
        while machine.deliver() != nil { machine.advance() }
        #expect(machine.engine.earlyBytes >= limits.earlyBytes, "as many as there is room for")
        #expect(machine.engine.earlyBytes <= limits.earlyBytes + largest)
        let inputs = machine.inputs
        machine.giveUp(inputs)
        #expect(machine.engine.earlyBytes == 0)
        machine.own(inputs)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 200)
        #expect(machine.engine.earlyBytes == 0)
        machine.expectAllCommitted()
    }

    @Test func aLostPartitionIsLetGoAtOnce() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        machine.runDry()
        let partition = try #require(machine.engine.lastTaken?.topicPartition)
        machine.giveUp([partition])
        #expect(machine.engine.lastTaken == nil, "what it held is not kept until the next record")
    }

    /// Two records with one id in two partitions, of which the second waits for the first, whose call is under way.
    private func twins(_ machine: Machine) throws -> (call: CallReference, first: TopicPartition, second: TopicPartition) {
        let work = Work(name: "a", number: 1, how: "call")
        let keys = (0..<100).map { "key-\($0)" }
        let partitions = try (0..<2).map { number in
            try machine.send(work, id: "same", key: keys.first { Murmur2.partition(of: Array($0.utf8), among: 2) == Int32(number) })
            return TopicPartition(Work.type.name, Int32(number))
        }
        machine.restoreAll()
        while machine.deliver() != nil { machine.advance() }
        machine.settle()
        let first = try #require(machine.calls.values.first)
        #expect(machine.calls.count == 1, "the second waits")
        let owner = try #require(machine.engine.begun[first.reference.job]?.partition.topicPartition)
        let other = try #require(partitions.first { $0 != owner })
        #expect(machine.engine.parked == 1)
        return (first.reference, owner, other)
    }

    @Test func whatWaitsForItsTwinIsHandledWhenTheTwinIsGone() throws {
        let machine = try Machine(WorkBot.self, partitions: 2)
        let (call, owner, other) = try twins(machine)
        machine.giveUp([owner])
        #expect(machine.cancelled == [call])
        machine.finishCall(call)
        #expect(try machine.events(WorkDone.self).isEmpty)
        machine.runDry()
        #expect(machine.started.count == 2, "the second has begun")
        #expect(try machine.events(WorkDone.self).count == 1)
        #expect(machine.log.committed[other]?.offset == 1)
        #expect(machine.log.committed[owner]?.offset ?? 0 == 0, "the next owner handles it")
    }

    @Test func whatWaitsForItsTwinIsForgottenWithItsOwnPartition() throws {
        let machine = try Machine(WorkBot.self, partitions: 2)
        let (call, owner, other) = try twins(machine)
        machine.giveUp([other])
        #expect(machine.engine.parked == 0 && machine.engine.waitingBytes == 0)
        machine.finishCall(call)
        machine.runDry()
        #expect(machine.started.count == 1)
        #expect(machine.log.committed[owner]?.offset == 1)
        #expect(machine.log.committed[other]?.offset ?? 0 == 0)
    }

    /// At-least-once a join is followed by another where partitions are given up: in between commits can go out, and do, also those of the others.
    @Test func whatAJoinHeldUpIsCommittedAsPartitionsAreGivenUp() throws {
        var limits = Limits()
        limits.dedupWindow = 100
        let machine = try Machine(WorkBot.self, delivery: .atLeastOnce, limits: limits)
        for number in 0..<300 { try machine.send(Work(name: "a", number: number, how: "plain")) }
        machine.isJoining = true
        for _ in 0..<1_000 { machine.step() }
        #expect(machine.log.committed.isEmpty)
        machine.isJoining = false
        let busy = Set(machine.log.records(of: Work.type.name).map(\.topicPartition))
        let idle = machine.inputs.filter { !busy.contains($0) }
        #expect(busy.count == 1 && !idle.isEmpty)
        machine.engine.leaving(idle)
        machine.advance()
        #expect(machine.log.committedCount(of: Work.type.name) > 50)
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

    /// A leader that was not in sync, or a backup: what is written where the old records stood is new. Below the commit, and above it, below what it names as
    /// finished.
    @Test(arguments: DeliveryMode.allCases, [10, 17]) func aLogThatEndsBelowItsCommitGoesOnThere(_ delivery: DeliveryMode, _ place: Int)
        throws
    {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery)
        for number in 0..<20 { try machine.send(Work(name: "old-\(number)", number: number, how: number == 15 ? "call" : "plain")) }
        for _ in 0..<200 {
            machine.step()
            machine.pass(10)
        }
        let partition = TopicPartition(Work.type.name, 0)
        let records = machine.log.records(of: Work.type.name)
        #expect(machine.log.committed[partition]?.offset == records[15].offset && machine.calls.count == 1)
        machine.log.cut(partition, to: records[place].offset)
        try machine.crash()
        machine.restoreAll()
        for number in 0..<20 { try machine.send(Work(name: "new-\(number)", number: number, how: "call")) }
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(Set(try machine.events(WorkDone.self).map(\.payload.name).filter { $0.hasPrefix("new-") }).count == 20)
        machine.expectAllCommitted()
    }

    /// Kafka's keys are bytes: two forms of one text in Unicode are two aggregates, before a restart and after it.
    @Test(arguments: DeliveryMode.allCases) func statesAreToldApartByTheBytesOfTheirAggregates(_ delivery: DeliveryMode) throws {
        func partition(_ name: String) -> Int32 { Murmur2.partition(of: Array(name.utf8), among: 3) }
        let suffix = try #require((0..<100).first { partition("\u{e9}\($0)") == partition("e\u{301}\($0)") })
        let names = ["\u{e9}\(suffix)", "e\u{301}\(suffix)", "", "\u{301}x"]
        let machine = try Machine(CountBot.self, partitions: 1, delivery: delivery)
        for round in 0..<4 {
            for (number, name) in names.enumerated() {
                try machine.send(Work(name: name, number: number, how: "plain"), id: "\(round)-\(number)", key: "k")
            }
            machine.runDry()
            try machine.crash()
        }
        for number in names.indices {
            let totals = try machine.events(WorkDone.self).filter { $0.payload.number == number }.map(\.payload.total)
            #expect(totals == [1, 2, 3, 4], "\(number)")
        }
    }
}
