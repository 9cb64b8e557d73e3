import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// One settlement hands its records over in the order in which their inputs came, and so keeps the order of each key.
@Suite struct SettleOrderTests {
    private let keys = ["a", "b", "c", "d", "e", "f"]

    @Test(arguments: UInt64(1)...10) func exactlyOnce(_ seed: UInt64) throws {
        try expectTheOrderOfEachKey(try settleThirty(Machine(WorkBot.self, partitions: 3, seed: seed)))
    }

    @Test(arguments: UInt64(1)...10) func atLeastOnce(_ seed: UInt64) throws {
        try expectTheOrderOfEachKey(try settleThirty(Machine(WorkBot.self, partitions: 3, seed: seed, delivery: .atLeastOnce)))
    }

    @Test(arguments: UInt64(1)...10) func toTheInboxOfAStatefulBot(_ seed: UInt64) throws {
        try settleThirty(Machine(CountBot.self, partitions: 3, seed: seed))
    }

    /// Five records of each key, of partitions that take turns at random, in one settlement.
    @discardableResult private func settleThirty(_ machine: Machine) throws -> Machine {
        for number in 1...5 { for key in keys { try machine.send(Work(name: key, number: number, how: "plain")) } }
        machine.restoreAll()
        let inputs = (0..<30).map { _ in machine.deliver().map { "\($0.topicPartition)@\($0.offset)" } }
        machine.advance()
        let settled = try #require(machine.engine.inFlight?.items)
        #expect(settled.map { item in item.concerned.map { "\($0.topicPartition)@\(item.offset ?? -1)" } } == inputs)
        machine.settle()
        return machine
    }

    private func expectTheOrderOfEachKey(_ machine: Machine) throws {
        let done = try machine.events(WorkDone.self)
        for key in keys { #expect(done.map(\.payload).filter { $0.name == key }.map(\.number) == [1, 2, 3, 4, 5]) }
    }

    /// Who has lost the partition is told so by the offset that goes along, and nothing of the step becomes visible.
    @Test func exactlyOnceAStepCarriesItsPartitionsOffset() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 1, how: "call"))
        let partition = try #require(machine.log.records(of: Work.type.name).first).topicPartition
        machine.runToSettlement()
        #expect(machine.engine.inFlight?.items.contains { if case .step = $0.result { true } else { false } } == true)
        #expect(machine.settling?.offsets[partition]?.offset == 0)
    }

    @Test func exactlyOnceATickCarriesItsPartitionsOffset() throws {
        let machine = try Machine(
            WorkBot.self, configuration: configuration { $0.triggers = [.init(kind: .schedule, pattern: "* * * * *")] })
        machine.runDry()
        machine.pass(60_000)
        machine.advance()
        #expect(machine.engine.inFlight?.items.contains { if case .own = $0.result { true } else { false } } == true)
        #expect(machine.settling?.offsets.keys.map(\.topic) == [ScheduleFired.type.name])
    }
}
