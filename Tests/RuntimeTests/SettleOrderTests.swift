import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// In which order one settlement hands its records over.
@Suite struct SettleOrderTests {
    @Test(arguments: UInt64(1)...10) func everyPartitionIsTouchedFirstAndKeysKeepTheirOrder(_ seed: UInt64) throws {
        let machine = try Machine(WorkBot.self, seed: seed)
        let keys = ["a", "b", "c", "d", "e", "f"]
        for number in 1...5 { for key in keys { try machine.send(Work(name: key, number: number, how: "plain")) } }
        machine.restoreAll()
        for _ in 0..<keys.count * 5 { machine.deliver() }
        machine.advance()
        let batch = try #require(machine.settling)
        #expect(batch.records.count == keys.count * 5)
        let places = try batch.records.map { Murmur2.partition(of: try #require($0.first?.key), among: 3) }
        #expect(Set(places).count == 3)
        #expect(Set(places.prefix(3)).count == 3, "\(places)")
        machine.settle()
        let done = try machine.events(WorkDone.self)
        for key in keys { #expect(done.map(\.payload).filter { $0.name == key }.map(\.number) == [1, 2, 3, 4, 5]) }
    }
}
