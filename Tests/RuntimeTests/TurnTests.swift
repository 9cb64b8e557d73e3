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
