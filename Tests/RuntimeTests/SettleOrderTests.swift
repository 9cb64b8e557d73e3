import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// One settlement hands its records over in the order in which their inputs came.
@Suite struct SettleOrderTests {
    @Test(arguments: UInt64(1)...10) func exactlyOnce(_ seed: UInt64) throws {
        try expectTheOrderOfIntake(Machine(WorkBot.self, seed: seed))
    }

    @Test(arguments: UInt64(1)...10) func atLeastOnce(_ seed: UInt64) throws {
        try expectTheOrderOfIntake(Machine(WorkBot.self, seed: seed, delivery: .atLeastOnce))
    }

    @Test(arguments: UInt64(1)...10) func toTheInboxOfAStatefulBot(_ seed: UInt64) throws {
        try expectTheOrderOfIntake(Machine(CountBot.self, seed: seed))
    }

    /// Five of each key, of partitions that take turns at random.
    private func expectTheOrderOfIntake(_ machine: Machine) throws {
        for number in 1...5 {
            for key in ["a", "b", "c", "d", "e", "f"] { try machine.send(Work(name: key, number: number, how: "plain")) }
        }
        machine.restoreAll()
        for _ in 0..<30 { machine.deliver() }
        let decided = machine.engine.unsettled.elements.map(ObjectIdentifier.init)
        #expect(decided.count == 30)
        machine.advance()
        #expect(machine.engine.inFlight?.items.map(ObjectIdentifier.init) == decided)
    }
}
