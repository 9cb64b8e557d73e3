import Broker
import KafkaProtocol

/// A state log without a file; `failure` makes the next appends fail.
final class MemoryStateLog: StateLog {
    private(set) var entries: [StateEntry] = []
    var failure: ErrorCode?
    var clock: () -> Int64 = { 1_700_000_000_000 }

    func append(_ records: [StateRecord], producer: StateProducer?) throws(ErrorCode) {
        if let failure { throw failure }
        for record in records {
            entries.append(.record(record, producer: producer, offset: Int64(entries.count), timestamp: clock()))
        }
    }

    func appendMarker(_ producer: StateProducer, commit: Bool) throws(ErrorCode) {
        if let failure { throw failure }
        entries.append(.marker(producer, commit: commit, offset: Int64(entries.count)))
    }

    func replay(_ body: (StateEntry) -> Void) throws(ErrorCode) {
        if let failure { throw failure }
        for entry in entries { body(entry) }
    }
}

/// Durable at once, or when the test says so.
final class ManualDurability: Durability {
    var isImmediate = true
    /// Whether `whenSynced` waits for no `sync` either.
    var syncsAtOnce = true
    private var waiting: [(partitions: [TopicPartition], action: (Bool) -> Void)] = []

    func whenDurable(_ partitions: [TopicPartition], _ action: @escaping (Bool) -> Void) {
        if isImmediate { action(true) } else { waiting.append((partitions, action)) }
    }

    func whenSynced(_ partitions: [TopicPartition], _ action: @escaping (Bool) -> Void) {
        if isImmediate && syncsAtOnce { action(true) } else { waiting.append((partitions, action)) }
    }

    func whenStartsAreSynced(_ partitions: [TopicPartition], _ action: @escaping (Bool) -> Void) { whenSynced(partitions, action) }

    /// - Parameter failing: whose disk fails.
    func sync(failing: TopicPartition? = nil) {
        let due = waiting
        waiting = []
        for (partitions, action) in due { action(failing.map { !partitions.contains($0) } ?? true) }
    }
}
