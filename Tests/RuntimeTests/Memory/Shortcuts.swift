import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// The text of a record's header; nil where it has none of that name.
func header(_ name: String, of record: Record) -> String? {
    record.headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
}

/// WorkBot's, changed.
func configuration(_ change: (inout BotConfiguration) -> Void) -> BotConfiguration {
    var configuration = BotConfiguration(name: "WorkBot")
    change(&configuration)
    return configuration
}

extension SettleOutcome {
    static func failed(
        _ error: KafkaError, unwritten: [Unwritten] = [], delivered: [Int: Set<Int>] = [:], lastBegun: BatchPlace? = nil,
        unknown: Int = 0
    ) -> SettleOutcome {
        .failure(SettleFailure(error: error, unwritten: unwritten, delivered: delivered, lastBegun: lastBegun, unknown: unknown))
    }

    /// A record of the item was refused.
    static func refused(_ error: KafkaError, item: Int, topic: String = "work.done", delivered: [Int: Set<Int>] = [:]) -> SettleOutcome {
        .failed(error, unwritten: [Unwritten(item: item, topic: topic, error: error)], delivered: delivered)
    }
}

extension SettleBatch {
    /// Of each item, where the records stand that `isWanted` takes.
    func places(where isWanted: (Produced) -> Bool) -> [Int: Set<Int>] {
        var places: [Int: Set<Int>] = [:]
        for (item, records) in records.enumerated() { places[item] = Set(records.indices.filter { isWanted(records[$0]) }) }
        return places
    }
}

/// Brings the machine to where a call is under way.
func runningCall(_ machine: Machine, _ work: Work = Work(name: "a", number: 1, how: "call")) throws -> CallStart {
    try machine.send(work)
    for _ in 0..<60 where machine.calls.isEmpty {
        machine.step()
    }
    return try #require(machine.calls.values.first)
}
