import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// The end of a process: within its limit, with what is finished settled and the rest left to the next owner.
@Suite struct DrainTests {
    /// Brings the machine to where a call is under way.
    private func runningCall(_ machine: Machine) throws -> CallStart {
        try machine.send(Work(name: "a", number: 1, how: "call"))
        for _ in 0..<60 where machine.calls.isEmpty {
            machine.step()
        }
        return try #require(machine.calls.values.first)
    }

    @Test func aDrainLetsRunsFinish() throws {
        let machine = try Machine(WorkBot.self)
        _ = try runningCall(machine)
        try machine.send(Work(name: "z", number: 2, how: "plain"))
        machine.engine.drain(at: machine.moment)
        machine.advance()
        #expect(!machine.hasFinished)
        machine.finishCall()
        for _ in 0..<5 {
            machine.advance()
            machine.settle()
        }
        #expect(machine.hasFinished)
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == [1])
    }

    @Test func aDrainHasALimitAndLeavesTheRestToTheNextOwner() throws {
        let machine = try Machine(WorkBot.self)
        let call = try runningCall(machine)
        machine.engine.drain(at: machine.moment)
        machine.pass(20_001)
        machine.advance()
        #expect(machine.cancelled == [call.reference])
        machine.finishCall(call.reference)
        machine.advance()
        #expect(machine.hasFinished)
        #expect(machine.dead.isEmpty)
        try machine.crash()
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 1)
        #expect(machine.started.last?.isRepeat ?? false)
    }

    /// Drains it while its member joins for so long; how long that takes. Both in milliseconds.
    @discardableResult
    private func drained(_ machine: Machine, joiningFor milliseconds: Int64) -> Int64 {
        machine.engine.drain(at: machine.moment)
        let begun = machine.uptime
        while !machine.hasFinished, machine.uptime < begun + 60_000 {
            machine.isJoining = machine.uptime < begun + milliseconds
            machine.advance()
            machine.settle()
            machine.pass(100)
        }
        #expect(machine.uptime - begun <= 25_000)
        return machine.uptime - begun
    }

    /// At-least-once nothing can be committed while the member joins its group: the end waits for it, as long as there is time.
    @Test func aDrainWaitsForACommitThatMustWait() throws {
        func drain(joinsFor milliseconds: Int64) throws -> Machine {
            let machine = try Machine(WorkBot.self, delivery: .atLeastOnce)
            machine.isJoining = true
            try machine.send(Work(name: "a", number: 1, how: "plain"))
            for _ in 0..<60 { machine.step() }
            #expect(drained(machine, joiningFor: milliseconds) >= min(milliseconds, 20_000))
            return machine
        }
        try drain(joinsFor: 2_000).expectAllCommitted()
        #expect(try drain(joinsFor: 60_000).log.committed.isEmpty)
    }

    @Test func aDrainWithAFullWindowEndsInTimeAndSaysWhatItLeaves() throws {
        func drain(joinsFor milliseconds: Int64) throws -> (machine: Machine, warnings: [LogEntry]) {
            var limits = Limits()
            limits.dedupWindow = 100
            let machine = try Machine(WorkBot.self, delivery: .atLeastOnce, limits: limits)
            machine.isJoining = true
            for number in 0..<300 { try machine.send(Work(name: "n\(number % 7)", number: number, how: "plain")) }
            for _ in 0..<500 { machine.step() }
            drained(machine, joiningFor: milliseconds)
            return (machine, machine.entries.filter { $0.message.contains(RuntimeSettings.tooShortToSettle) })
        }
        let (short, none) = try drain(joinsFor: 5_000)
        #expect(none.isEmpty)
        let finished = short.log.records(of: WorkDone.type.name).count
        #expect(finished > 100 && short.log.committedCount(of: Work.type.name) == finished)
        let (long, warnings) = try drain(joinsFor: 60_000)
        #expect(long.log.committed.isEmpty && warnings.count == 1)
        let used = Set(long.log.records(of: Work.type.name).map(\.topicPartition.description)).sorted().joined(separator: " ")
        #expect(warnings.first?.fields.first { $0.0 == "partitions" }?.1 == used, "\(warnings)")
        // What was settled is repeated, and what had no room is handled again.
        let settled = long.log.records(of: WorkDone.type.name).count
        long.isJoining = false
        try long.crash()
        long.runDry()
        let done = try long.events(WorkDone.self)
        #expect(settled < 300 && done.count == 300 + settled && Set(done.map(\.envelope.id)).count == 300, "\(settled), \(done.count)")
    }

    /// At-least-once, with its commit under way: until that is answered it may be refused, and only as long as the process is there can it be repeated.
    private func commitUnderWay() throws -> Machine {
        let machine = try Machine(WorkBot.self, delivery: .atLeastOnce)
        machine.holdsCommits = true
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        machine.runToSettlement()
        machine.settle()
        turn(machine)
        #expect(machine.committing != nil)
        return machine
    }

    private func turn(_ machine: Machine, times: Int = 5) {
        for _ in 0..<times {
            machine.advance()
            machine.settle()
            machine.pass(100)
        }
    }

    @Test func aDrainWaitsForTheAnswerToACommitAndRepeatsOneThatWasRefused() throws {
        let machine = try commitUnderWay()
        machine.engine.drain(at: machine.moment)
        turn(machine)
        #expect(!machine.hasFinished)
        machine.answerCommit(.refusedCommit)
        turn(machine)
        #expect(machine.committing != nil, "it is asked for again")
        #expect(!machine.hasFinished)
        machine.answerCommit()
        turn(machine)
        #expect(machine.hasFinished)
        machine.expectAllCommitted()
    }

    @Test func partitionsAreNotGivenUpBeforeACommitIsAnswered() throws {
        let machine = try commitUnderWay()
        machine.engine.leaving(machine.inputs)
        turn(machine)
        #expect(!machine.engine.isQuiet(machine.inputs))
        machine.answerCommit(.refusedCommit)
        turn(machine)
        #expect(!machine.engine.isQuiet(machine.inputs))
        machine.answerCommit()
        turn(machine)
        #expect(machine.engine.isQuiet(machine.inputs))
        machine.expectAllCommitted()
    }

    /// What has no room in its partition's commit gets none any more: it is given back at once, and handled by the next owner.
    @Test(arguments: DeliveryMode.allCases, [true, false]) func whatIsHeldForWantOfRoomDoesNotHoldTheEndUp(
        _ delivery: DeliveryMode, isLeaving: Bool
    ) throws {
        var limits = Limits()
        (limits.heldItems, limits.holdBack) = (20, 0)
        let machine = try Machine(OrderedBot.self, partitions: 1, delivery: delivery, limits: limits)
        machine.restoreAll()
        for number in 0..<1_300 {
            try machine.send(Work(name: "n\(number)", number: number, how: number % 2 == 0 ? "hopeless" : "plain"))
        }
        for _ in 0..<200 where machine.engine.held.count < 5 {
            for _ in 0..<16 { machine.deliver() }
            machine.advance()
            machine.settle()
        }
        #expect(machine.engine.held.count >= 5)
        let inputs = machine.inputs
        if isLeaving { machine.engine.leaving(inputs) } else { machine.engine.drain(at: machine.moment) }
        turn(machine, times: 9)
        #expect(isLeaving ? machine.engine.isQuiet(inputs) : machine.hasFinished)
        if isLeaving {
            machine.giveUp(inputs)
            machine.own(inputs)
        } else {
            try machine.crash()
        }
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.number).sorted() == (0..<650).map { 2 * $0 + 1 })
        machine.expectAllCommitted()
    }

    /// Under load, at any moment: every call that came back in time is settled, and nothing is lost or doubled by whoever comes after.
    @Test(arguments: 0..<10, [DeliveryMode.exactlyOnce, .atLeastOnce])
    func underLoadItEndsInTimeAndLosesNothing(seed: UInt64, delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, seed: seed, delivery: delivery)
        let kinds = ["plain", "call", "calls", "chain"]
        for number in 0..<120 { try machine.send(Work(name: "n\(number % 11)", number: number, how: kinds[number % 4])) }
        for _ in 0..<(200 + 40 * Int(seed)) { machine.happen() }
        machine.engine.drain(at: machine.moment)
        let begun = machine.uptime
        var finished: Set<Int> = []
        while !machine.hasFinished, machine.uptime < begun + 60_000 {
            machine.advance()
            machine.settle()
            // Every second call comes back during the drain.
            if let reference = machine.calls.keys.sorted(by: { ($0.job, $0.call) < ($1.job, $1.call) }).first(where: { $0.job % 2 == 0 }) {
                finished.insert((machine.calls[reference]!.request as! Effort).number)
                machine.finishCall(reference)
            }
            machine.pass(200)
        }
        #expect(machine.hasFinished)
        #expect(machine.uptime - begun <= 25_000)
        let settled = Set(try machine.events(WorkDone.self).map(\.payload.number))
        for number in finished where kinds[number % 4] == "call" { #expect(settled.contains(number), "\(number) was finished") }
        try machine.crash()
        machine.runDry()
        machine.expectAllCommitted()
        let done = try machine.events(WorkDone.self)
        #expect(Set(done.map(\.payload.number)) == Set(0..<120))
        #expect(Set(done.map(\.envelope.id)).count == 120)
        if delivery == .exactlyOnce { #expect(done.count == 120) }
    }

    @Test func whatCannotBeSettledDoesNotHoldTheEndUp() throws {
        let machine = try Machine(WorkBot.self)
        for number in 0..<10 { try machine.send(Work(name: "n\(number)", number: number, how: "plain")) }
        machine.runToSettlement()
        machine.engine.drain(at: machine.moment)
        let begun = machine.uptime
        for _ in 0..<400 where !machine.hasFinished {
            machine.advance()
            machine.settle(.failed(KafkaError(code: -1, name: "_TIMED_OUT", message: "no broker", isRetriable: true)))
            machine.pass(100)
        }
        #expect(machine.hasFinished)
        #expect(machine.uptime - begun <= 25_000)
        #expect(machine.log.committed.isEmpty)
        try machine.crash()
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 10)
    }

    @Test func runsThatWaitForADependencyDoNotHoldTheEndUp() throws {
        var configuration = BotConfiguration(name: "WorkBot")
        configuration.constraints.breakers.standard = BreakerPolicy(failures: 1, pause: .seconds(3_600))
        let machine = try Machine(WorkBot.self, configuration: configuration)
        machine.outcome = { _ in .failure(CallFailure(.transient, code: "down", message: "down")) }
        for number in 0..<6 { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
        for _ in 0..<200 {
            machine.step()
            machine.finishCall()
        }
        #expect(!machine.engine.waitingCalls.isEmpty)
        machine.engine.drain(at: machine.moment)
        for _ in 0..<10 {
            machine.advance()
            machine.settle()
        }
        #expect(machine.hasFinished)
        machine.outcome = { .success(Effort.Response(number: ($0.request as! Effort).number)) }
        try machine.crash()
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 6)
        #expect(machine.dead.isEmpty)
    }
}

extension KafkaError {
    fileprivate static let refusedCommit = KafkaError(
        code: 27, name: "REBALANCE_IN_PROGRESS", message: "the group joins", isRetriable: true)
}
