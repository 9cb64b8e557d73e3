import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// In which order one settlement hands its records over.
@Suite struct SettleOrderTests {
    private let keys = ["a", "b", "c", "d", "e", "f"]

    @Test(arguments: UInt64(1)...10) func everyPartitionIsTouchedFirstAndKeysKeepTheirOrder(_ seed: UInt64) throws {
        let machine = try Machine(WorkBot.self, partitions: 3, seed: seed)
        try takeThirtyIn(machine)
        machine.advance()
        let batch = try #require(machine.settling)
        #expect(batch.records.count == 30)
        let places = try batch.records.map { Murmur2.partition(of: try #require($0.first?.key), among: 3) }
        #expect(Set(places).count == 3)
        #expect(Set(places.prefix(3)).count == 3, "\(places)")
        machine.settle()
        let done = try machine.events(WorkDone.self)
        for key in keys { #expect(done.map(\.payload).filter { $0.name == key }.map(\.number) == [1, 2, 3, 4, 5]) }
    }

    @Test(arguments: UInt64(1)...10) func aStatefulBotsInboxTakesInputsInTheOrderInWhichTheyCame(_ seed: UInt64) throws {
        try expectTheOrderOfIntake(Machine(CountBot.self, seed: seed))
    }

    @Test(arguments: UInt64(1)...10) func atLeastOnceTheOrderIsThatOfIntake(_ seed: UInt64) throws {
        try expectTheOrderOfIntake(Machine(WorkBot.self, seed: seed, delivery: .atLeastOnce))
    }

    private func expectTheOrderOfIntake(_ machine: Machine) throws {
        try takeThirtyIn(machine)
        let decided = machine.engine.unsettled.elements.map(ObjectIdentifier.init)
        #expect(decided.count == 30)
        machine.advance()
        #expect(machine.engine.inFlight?.items.map(ObjectIdentifier.init) == decided)
    }

    /// Five of each key, of partitions that take turns at random.
    private func takeThirtyIn(_ machine: Machine) throws {
        for number in 1...5 { for key in keys { try machine.send(Work(name: key, number: number, how: "plain")) } }
        machine.restoreAll()
        for _ in 0..<30 { machine.deliver() }
    }
}
