import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// What waits outside of the lanes is bounded as what waits in them, and what the lanes wait for is never held up by them.
@Suite struct WaitingTests {
    private static let room = 10

    private static func machine<B: Bot>(_ bot: B.Type, bytes: Int = 32 << 20) throws -> Machine {
        var limits = Limits()
        limits.waitingRecords = room
        limits.waitingBytesPerRetryPartition = bytes
        limits.holdBack = 0
        return try Machine(bot, limits: limits)
    }

    /// For so long; returns the most records that were taken in and not finished at once.
    private func most(_ machine: Machine, while isGoing: (Machine) -> Bool) -> Int {
        var most = 0
        for _ in 0..<2_000 where isGoing(machine) {
            machine.step()
            machine.pass(10)
            most = max(most, machine.engine.partitions.values.reduce(0) { $0 + $1.ledger.openCount })
        }
        return most
    }

    private func expectRest(_ machine: Machine, at location: SourceLocation = #_sourceLocation) {
        machine.runDry()
        machine.expectAllCommitted(at: location)
        #expect(machine.engine.parked == 0 && machine.engine.waitingBytes == 0, sourceLocation: location)
        #expect(machine.engine.begun.isEmpty && machine.engine.inProgress.isEmpty, sourceLocation: location)
    }

    /// More than has room waits behind records that are tried again in their place.
    @Test func fullLanesDoNotKeepFromTryingAgainWhatTheyWaitFor() throws {
        let machine = try Self.machine(OrderedBot.self)
        for key in 0..<3 { try machine.send(Work(name: "key-\(key)", number: key, how: "flaky")) }
        for number in 10..<60 { try machine.send(Work(name: "key-\(number % 3)", number: number, how: "plain")) }
        machine.restoreAll()
        while machine.deliver() != nil { machine.advance() }
        #expect(machine.engine.waitingCount >= Self.room)
        expectRest(machine)
        #expect(try machine.events(WorkDone.self).count == 53)
    }

    @Test func recordsThatAreTriedAgainInTheirPlaceAreBounded() throws {
        let machine = try Self.machine(OrderedBot.self)
        for number in 0..<100 { try machine.send(Work(name: "n\(number)", number: number, how: "flaky")) }
        #expect(most(machine) { $0.uptime < 900 } <= Self.room + machine.inputs.count, "one of each partition comes also when it is full")
        expectRest(machine)
        #expect(try machine.events(WorkDone.self).count == 100)
    }

    /// A producer repeats one event under many keys while the first is under way.
    @Test func recordsThatWaitForTheirTwinAreBounded() throws {
        let machine = try Self.machine(WorkBot.self)
        let work = Work(name: "a", number: 1, how: "call")
        for number in 0..<100 { try machine.send(work, id: "same", key: "key-\(number)") }
        #expect(most(machine) { $0.uptime < 5_000 } <= Self.room + machine.inputs.count)
        #expect(machine.started.count == 1)
        expectRest(machine)
        // One result of each partition at most: what another partition has settled is not remembered in this one.
        #expect((1...3).contains(try machine.events(WorkDone.self).count))
    }

    /// Large records that wait for their time.
    @Test func theBytesOfARetryPartitionsWaitingRecordsAreBounded() throws {
        let machine = try Self.machine(WorkBot.self, bytes: 2_000)
        for number in 0..<20 {
            try machine.send(Work(name: String(repeating: "n", count: 200) + "\(number)", number: number, how: "flaky"), id: "id-\(number)")
        }
        var most = 0
        for _ in 0..<400 {
            machine.step()
            most = max(most, machine.engine.partitions.values.map(\.waitingBytes).max() ?? 0)
        }
        #expect((1_000..<4_000).contains(most), "one record more than the limit: \(most)")
        expectRest(machine)
        #expect(try machine.events(WorkDone.self).count == 20)
    }

    /// Every second record's call is under way, and what the others came to finds no room in the commit any more.
    @Test(arguments: [(20, 32 << 20), (100_000, 3_000)])
    func resultsThatAreHeldForWantOfRoomInTheCommitAreBounded(items: Int, bytes: Int) throws {
        var limits = Limits()
        (limits.heldItems, limits.heldItemBytes, limits.holdBack) = (items, bytes, 0)
        let bot = configuration { $0.constraints.maximumConcurrentJobs = 2_000 }
        let machine = try Machine(WorkBot.self, partitions: 1, configuration: bot, limits: limits)
        machine.restoreAll()
        for number in 0..<1_300 { try machine.send(Work(name: "n\(number)", number: number, how: number % 2 == 0 ? "call" : "plain")) }
        var most = (items: 0, bytes: 0)
        func turn() {
            for _ in 0..<16 { machine.deliver() }
            machine.advance()
            machine.settle()
            most = (max(most.items, machine.engine.held.count), max(most.bytes, machine.engine.held.bytes))
        }
        for _ in 0..<200 { turn() }
        #expect(machine.engine.held.count > 0)
        for _ in 0..<2_000 where !machine.calls.isEmpty {
            for _ in 0..<8 { machine.finishCall() }
            turn()
        }
        // What was handled already when there was no more room comes to them.
        #expect(most.items <= items + 40 && most.bytes <= bytes + 20_000, "\(most)")
        machine.runDry()
        #expect(machine.engine.held.isEmpty && machine.engine.held.bytes == 0)
        #expect(try machine.events(WorkDone.self).count == 1_300)
        machine.expectAllCommitted()
    }

    /// A retry partition whose lowest record is open, in which so much is finished between calls under way that its commit has no room for more.
    private func tightRetryPartition(before: (Machine) throws -> Void) throws -> Machine {
        var limits = Limits()
        (limits.heldItems, limits.holdBack) = (20, 0)
        let bot = configuration { $0.constraints.maximumConcurrentJobs = 2_000 }
        let machine = try Machine(WorkBot.self, configuration: bot, limits: limits)
        machine.restoreAll()
        try before(machine)
        for number in 10..<1_310 {
            try machine.sendRetry(
                Work(name: "n\(number)", number: number, how: number % 2 == 0 ? "call" : "plain"), id: "id-\(number)", key: "\(number)",
                origin: Int64(number))
        }
        return machine
    }

    private func run(_ machine: Machine, turns: Int = 200) {
        for _ in 0..<turns {
            for _ in 0..<16 { machine.deliver() }
            machine.advance()
            machine.settle()
        }
    }

    private func finishCall(_ number: Int, of machine: Machine) throws {
        machine.finishCall(try #require(machine.calls.values.first { ($0.request as? Effort)?.number == number }).reference)
    }

    /// All calls, and what they have waited for; then so many results are there.
    private func expectAll(_ count: Int, _ machine: Machine, at location: SourceLocation = #_sourceLocation) throws {
        finishCalls(machine)
        machine.runDry()
        machine.expectAllCommitted(at: location)
        #expect(try machine.events(WorkDone.self).count == count, sourceLocation: location)
    }

    private func finishCalls(_ machine: Machine) {
        for _ in 0..<4_000 where !machine.calls.isEmpty || !machine.engine.begun.isEmpty || machine.engine.waitingCount > 0 {
            for _ in 0..<8 { machine.finishCall() }
            machine.pass(10)
            run(machine, turns: 1)
        }
    }

    /// Records of a retry partition come to their lane as they are due: the lowest may wait behind one that came later.
    @Test func theLowestRecordIsTakenFromBehindOthersWhereItsPartitionsCommitHasNoRoom() throws {
        let machine = try tightRetryPartition { machine in
            try machine.sendRetry(Work(name: "lowest", number: 0, how: "plain"), id: "lowest", key: "key", origin: 0, after: 2_000)
            try machine.sendRetry(Work(name: "first", number: 1, how: "call"), id: "first", key: "key", origin: 1)
            try machine.sendRetry(Work(name: "second", number: 2, how: "plain"), id: "second", key: "key", origin: 2, after: 1_000)
            run(machine, turns: 2)
            machine.pass(1_000)
            run(machine, turns: 2)
            machine.pass(1_000)
            run(machine, turns: 2)
        }
        run(machine)
        #expect(machine.engine.held.count >= 20)
        #expect(try !machine.events(WorkDone.self).contains { $0.payload.number < 3 })
        try finishCall(1, of: machine)
        run(machine, turns: 20)
        #expect(try machine.events(WorkDone.self).contains { $0.payload.number == 0 }, "its key is free, and all others wait for it")
        try expectAll(1_303, machine)
    }

    /// The original is held because another of its key is; the copy is due when both are decided.
    @Test func aCopyDoesNotKeepTheCommitFromMovingOnWhereItsOriginalIsHeldForItsKey() throws {
        let machine = try tightRetryPartition { machine in
            try machine.sendRetry(Work(name: "a", number: 0, how: "plain"), id: "same", key: "a", origin: 0, after: 2_000)
            try machine.sendRetry(Work(name: "b", number: 1, how: "call"), id: "b", key: "b", origin: 1)
            try machine.sendRetry(Work(name: "first", number: 2, how: "call"), id: "first", key: "a", origin: 2)
            try machine.sendRetry(Work(name: "c", number: 3, how: "call"), id: "c", key: "c", origin: 3)
            try machine.sendRetry(Work(name: "a", number: 0, how: "call"), id: "same", key: "a", origin: 0)
            try machine.sendRetry(Work(name: "d", number: 4, how: "call"), id: "d", key: "d", origin: 4)
            run(machine, turns: 2)
        }
        // Before there are so many results that only the lowest record is begun.
        for _ in 0..<1_000 where machine.engine.held.count < 15 {
            machine.deliver()
            machine.advance()
            machine.settle()
        }
        try finishCall(2, of: machine)
        run(machine, turns: 2)
        try finishCall(0, of: machine)
        run(machine)
        #expect(machine.engine.held.count >= 20)
        machine.pass(2_000)
        run(machine, turns: 20)
        #expect(machine.log.committed[TopicPartition("retry.workbot", 0)]?.offset == 1)
        try expectAll(1_305, machine)
    }

    /// A copy that stands lower in the retry partition comes when the other is under way, whose result has no room in the commit.
    @Test func aCopyDoesNotKeepTheCommitFromMovingOnWhereItsOriginalIsHeld() throws {
        let machine = try tightRetryPartition { machine in
            try machine.sendRetry(Work(name: "a", number: 0, how: "call"), id: "same", key: "a", origin: 0, after: 1_000)
            try machine.sendRetry(Work(name: "b", number: 1, how: "call"), id: "b", key: "b", origin: 1)
            try machine.sendRetry(Work(name: "a", number: 0, how: "call"), id: "same", key: "other", origin: 0)
            try machine.sendRetry(Work(name: "c", number: 2, how: "call"), id: "c", key: "c", origin: 2)
            run(machine, turns: 2)
            machine.pass(1_000)
            run(machine, turns: 2)
        }
        run(machine)
        #expect(machine.engine.held.count >= 20)
        let retry = TopicPartition("retry.workbot", 0)
        #expect(machine.log.committed[retry]?.offset ?? 0 == 0)
        try finishCall(0, of: machine)
        run(machine, turns: 20)
        #expect(machine.log.committed[retry]?.offset == 1)
        try expectAll(1_303, machine)
    }

    /// Behind a long call of one key the commit has no room for what other keys came to, and runs of theirs begin: what they all wait for has a place all the same.
    @Test(arguments: DeliveryMode.allCases) func runsThatWaitForRoomInTheCommitTakeNoPlace(_ delivery: DeliveryMode) throws {
        var limits = Limits()
        limits.holdBack = 0
        let bot = configuration { $0.constraints.maximumConcurrentJobs = 2 }
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery, configuration: bot, limits: limits)
        machine.restoreAll()
        var count = 0
        func send(_ key: String, _ how: String) throws {
            try machine.send(Work(name: key, number: count, how: how), id: "id-\(count)")
            count += 1
        }
        try send("z", "call")
        for number in 1...1_400 { try send(number % 2 == 0 ? "z" : "n\(number)", "plain") }
        for (key, how) in [("k1", "plain"), ("z", "plain"), ("k2", "plain"), ("z", "plain"), ("k1", "call"), ("k2", "call")] {
            try send(key, how)
        }
        run(machine)
        #expect(machine.engine.held.count > 0 && machine.calls.count == 1)
        try finishCall(0, of: machine)
        try expectAll(count, machine)
    }

    /// Every second record is left out by the trigger's filter, or is a repeat of one that was handled; the others wait for their turn.
    @Test(arguments: [DeliveryMode.exactlyOnce, .atLeastOnce], [true, false])
    func whatIsLeftOutBetweenWaitingRecordsFillsNoCommit(_ delivery: DeliveryMode, isRepeat: Bool) throws {
        let bot = configuration {
            $0.triggers = [.init(kind: .event, pattern: Work.type.name, filter: "how != 'left out'")]
            $0.constraints.maximumConcurrentJobs = 50
        }
        var limits = Limits()
        limits.holdBack = 0
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery, configuration: bot, limits: limits)
        try machine.send(Work(name: "first", number: 0, how: "plain"), id: "same")
        machine.runDry()
        for number in 1...4_400 {
            let isLeftOut = number % 2 == 1
            try machine.send(
                Work(name: "n\(number)", number: number, how: !isLeftOut ? "call" : isRepeat ? "plain" : "left out"),
                id: isLeftOut && isRepeat ? "same" : nil)
        }
        run(machine, turns: 300)
        #expect(isRepeat || machine.engine.held.isEmpty)
        try expectAll(2_201, machine)
    }

    /// Runs that wait for room in the commit, or for a settlement, are bounded by these bytes alone.
    @Test func theRecordOfARunCountsWhileItsStepWaits() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        machine.restoreAll()
        try machine.send(Work(name: String(repeating: "n", count: 10_000), number: 1, how: "call"), id: "a", key: "k")
        let record = try #require(machine.deliver())
        #expect(machine.engine.unsettled.count == 1 && machine.engine.unsettled.bytes > record.byteCount)
    }
}
