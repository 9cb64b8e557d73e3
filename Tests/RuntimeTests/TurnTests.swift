import BotKit
import Envelopes
import Glibc
import Kafka
import Testing

@testable import MeshRuntime

/// A bot that is slow at each record: the loop polls, settles and hears signals all the same.
@Suite struct TurnTests {
    private static let slow: Int64 = 15
    /// A turn, and one record more.
    private static let most = Limits().turn + slow

    private func spent(_ machine: Machine, _ body: () throws -> Void) rethrows -> Int64 {
        let start = machine.uptime
        try body()
        return machine.uptime - start
    }

    /// What came before its partitions were restored is not handled in one go.
    @Test(arguments: DeliveryMode.allCases) func slowCodeLeavesTheLoopItsTurns(_ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, partitions: 6, delivery: delivery)
        for number in 0..<600 { try machine.send(Work(name: "n\(number % 37)", number: number, how: "plain")) }
        while machine.deliver() != nil {}
        machine.handleMilliseconds = Self.slow
        #expect(spent(machine) { machine.restoreTogether() } <= Self.most)
        #expect(machine.engine.isHurried, "the loop does not wait for records")
        var longest: Int64 = 0
        var settlements = 0
        for _ in 0..<1_000 where try machine.events(WorkDone.self).count < 600 {
            longest = max(longest, spent(machine) { machine.advance() })
            if machine.settling != nil { settlements += 1 }
            machine.settle()
        }
        #expect(longest <= Self.most)
        #expect(settlements > 50, "what is handled is settled before the rest is")
        #expect(machine.uptime < 600 * Self.slow + 1_000, "and no time is lost by it")
        machine.runDry()
        machine.expectAllCommitted()
        for done in Dictionary(grouping: try machine.events(WorkDone.self).map(\.payload), by: \.name).values {
            #expect(done.map(\.number) == done.map(\.number).sorted(), "in order")
        }
    }

    @Test func aBatchOfRecordsIsNotHandledInOneGo() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        machine.restoreAll()
        for number in 0..<128 { try machine.send(Work(name: "n\(number)", number: number, how: "plain")) }
        machine.handleMilliseconds = Self.slow
        let records = machine.log.records(of: Work.type.name)
        let time = spent(machine) {
            machine.engine.beginTurn(at: machine.moment)
            for record in records { machine.engine.take(machine.engine.decoder.decode(record, at: nil), at: machine.moment) }
        }
        #expect(time <= Self.most)
        #expect(machine.engine.lanes.count >= 124)
        machine.engine.drain(at: machine.moment)
        #expect(spent(machine) { machine.advance() } == 0, "what was not begun is left to the next owner")
        machine.settle()
        machine.advance()
        #expect(machine.hasFinished)
        #expect((1...4).contains(try machine.events(WorkDone.self).count))
    }

    @Test func whatIsTriedAgainInItsPlaceIsNotHandledInOneGo() throws {
        let machine = try Machine(OrderedBot.self, partitions: 1)
        machine.restoreAll()
        for number in 0..<50 { try machine.send(Work(name: "n\(number)", number: number, how: "flaky")) }
        while machine.deliver() != nil {}
        machine.advance()
        machine.settle()
        machine.pass(5_000)
        machine.handleMilliseconds = Self.slow
        #expect(spent(machine) { machine.advance() } <= Self.most)
        machine.handleMilliseconds = 0
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 50)
    }

    /// Of many runs two calls each are under way at once.
    private func runningCalls(_ runs: Int, delivery: DeliveryMode = .exactlyOnce) throws -> Machine {
        let bot = configuration { $0.constraints.maximumConcurrentJobs = 100 }
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery, configuration: bot)
        machine.restoreAll()
        for number in 0..<runs { try machine.send(Work(name: "n\(number)", number: number, how: "calls")) }
        for _ in 0..<runs + 5 { machine.step() }
        #expect(machine.calls.count == 2 * runs)
        return machine
    }

    private func finishCalls(_ step: Int, _ machine: Machine) {
        for (reference, call) in machine.calls where (call.request as? Effort)?.step == step { machine.finishCall(reference) }
    }

    /// The longest that the engine's thread was away until all that is decided is settled.
    private func longestTurn(_ machine: Machine, until isOver: () -> Bool) -> Int64 {
        var longest: Int64 = 0
        for _ in 0..<500 where !isOver() {
            longest = max(longest, spent(machine) { machine.settle() }, spent(machine) { machine.advance() })
        }
        #expect(isOver())
        return longest
    }

    enum Occasion: CaseIterable {
        case load, drain, revocation
    }

    /// The second call of each run comes back while what its first came to is being settled.
    @Test(arguments: Occasion.allCases, DeliveryMode.allCases) func whatCallsCameToIsNotHandledInOneGo(
        _ occasion: Occasion, _ delivery: DeliveryMode
    ) throws {
        let machine = try runningCalls(50, delivery: delivery)
        finishCalls(0, machine)
        machine.advance()
        #expect(machine.settling?.records.count == 50)
        finishCalls(1, machine)
        let inputs = machine.inputs
        switch occasion {
        case .load: break
        case .drain: machine.engine.drain(at: machine.moment)
        case .revocation: machine.engine.leaving(inputs)
        }
        machine.handleMilliseconds = Self.slow
        let longest = longestTurn(machine) {
            switch occasion {
            case .load: machine.engine.begun.isEmpty
            case .drain: machine.hasFinished
            case .revocation: machine.engine.isQuiet(inputs)
            }
        }
        #expect(longest <= Self.most)
        #expect(try machine.events(WorkDone.self).count == 50, "who waits for the end waits for all of them")
    }

    /// A run's calls come back in one moment.
    @Test func whatManyCallsOfOneRunCameToIsNotHandledInOneGo() throws {
        let machine = try Machine(ManyCallsBot.self, partitions: 1)
        _ = try runningCall(machine, Work(name: "a", number: 1, how: "many"))
        #expect(machine.calls.count == ManyCallsBot.calls)
        let first = try #require(machine.calls.keys.min { $0.call < $1.call })
        machine.finishCall(first)
        machine.advance()
        while !machine.calls.isEmpty { machine.finishCall() }
        machine.handleMilliseconds = Self.slow
        #expect(longestTurn(machine) { machine.engine.begun.isEmpty } <= Self.most)
        #expect(try machine.events(WorkDone.self).count == 1)
    }

    /// The time to end runs already while it waits.
    @Test func aSignalIsHeardBeforeWhatWaits() {
        let mailbox = Mailbox()
        for run in ["a", "b"] { mailbox.put(.cancel(run: run, Engine.cancelledByPerson)) }
        mailbox.putFirst(.terminate)
        guard case .element(.terminate) = mailbox.take(limit: .zero) else {
            Issue.record("something else came first")
            return
        }
        for name in ["a", "b"] {
            guard case .element(.cancel(let run, _)) = mailbox.take(limit: .zero) else {
                Issue.record("\(name) is gone")
                return
            }
            #expect(run == name)
        }
    }
}
