import KafkaProtocol
import MeshTesting
import Testing

@testable import Broker

/// Producers, partitions and a coordinator over files that can lose what was not synced; all that happens follows from the seed.
final class TransactionWorld: TransactionParticipants {
    typealias Producer = TransactionMetadata.Producer

    enum Item {
        /// A batch of the transaction with this number.
        case data(Int, Producer)
        case marker(Producer, commit: Bool)
    }

    struct File {
        var items: [Item] = []
        var synced = 0
    }

    /// What a crash takes, and what an answer waits for.
    enum Policy {
        /// A crash of the broker alone takes nothing.
        case keepsAll
        /// A crash takes what was not synced; answers wait for the sync.
        case strict
        /// A crash takes what was not synced; few answers wait for it.
        case relaxed
    }

    var random: SeededGenerator
    let policy: Policy
    private(set) var files: [TopicPartition: File] = [:]
    private(set) var bench: TransactionBench?
    private var syncedEntries = 0
    private var time: Int64 = 1_000
    private(set) var starts = 0
    var failing: TopicPartition?

    init(seed: UInt64, policy: Policy) throws {
        random = SeededGenerator(seed: seed)
        self.policy = policy
        for index in 0..<3 { files[TopicPartition("data", Int32(index))] = File() }
        files[TransactionCoordinator.offsetsPartition] = File()
        try start(MemoryStateLog())
    }

    private func start(_ log: MemoryStateLog) throws {
        starts += 1
        let bench = try TransactionBench(log: log, at: time, participants: self)
        bench.durability.isImmediate = policy != .strict
        bench.durability.syncsAtOnce = policy == .keepsAll
        self.bench = bench
        bench.coordinator.abortOrphans(files.flatMap { open($0.key, $0.value) })
    }

    private func open(_ partition: TopicPartition, _ file: File) -> [TransactionCoordinator.OpenTransaction] {
        var open: [Int64: TransactionCoordinator.OpenTransaction] = [:]
        for (offset, item) in file.items.enumerated() {
            switch item {
            case .data(_, let producer):
                let first = open[producer.id]?.firstOffset ?? Int64(offset)
                open[producer.id] = .init(partition: partition, producer: producer, firstOffset: first)
            case .marker(let producer, _): open[producer.id] = nil
            }
        }
        return Array(open.values)
    }

    func endOffset(_ partition: TopicPartition) -> Int64? { (files[partition]?.items.count).map(Int64.init) }

    func endTransaction(_ partition: TopicPartition, producerID: Int64, epoch: Int16, commit: Bool, coordinatorEpoch: Int32)
        throws(ErrorCode)
    {
        if failing == partition { throw .kafkaStorageError }
        guard epoch >= newestEpoch(partition, producerID) else { throw .invalidProducerEpoch }
        files[partition]?.items.append(.marker(Producer(id: producerID, epoch: epoch), commit: commit))
    }

    private func newestEpoch(_ partition: TopicPartition, _ producerID: Int64) -> Int16 {
        let epochs = (files[partition]?.items ?? []).compactMap { item -> Int16? in
            switch item {
            case .data(_, let producer), .marker(let producer, _): producer.id == producerID ? producer.epoch : nil
            }
        }
        return epochs.max() ?? -1
    }

    /// What Produce does. Returns the error that it answers.
    func produce(_ transaction: Int, _ id: String, _ producer: Producer, _ partition: TopicPartition) -> ErrorCode {
        guard let bench else { return .coordinatorNotAvailable }
        let error = bench.coordinator.verify(id, producerID: producer.id, epoch: producer.epoch, partition: partition)
        if error == .none && producer.epoch < newestEpoch(partition, producer.id) { return .invalidProducerEpoch }
        if error == .none { files[partition]?.items.append(.data(transaction, producer)) }
        return error
    }

    /// A producer's batches are acknowledged when they are synced, and it waits for that before it ends its transaction. Returns how many of the
    /// transaction's there are; what a crash took before is not sent again.
    func syncData(_ transaction: Int) -> Int {
        if policy != .relaxed { syncData() }
        return files.values.reduce(0) { $0 + $1.items.count { if case .data(transaction, _) = $0 { true } else { false } } }
    }

    private func syncData() {
        files = files.mapValues { File(items: $0.items, synced: $0.items.count) }
    }

    func syncAll() {
        syncData()
        syncedEntries = bench?.log.entries.count ?? 0
        bench?.durability.sync()
    }

    func advance(by milliseconds: Int64) {
        time += milliseconds
        bench?.scheduler.advance(by: milliseconds)
    }

    /// The broker is gone at once and starts again. Each file keeps what was synced and some of what came after it.
    func crash() throws {
        let entries = bench?.log.entries ?? []
        let log = MemoryStateLog()
        for case .record(let record, _, _, _) in entries.prefix(kept(syncedEntries, entries.count)) { try log.append([record]) }
        syncedEntries = log.entries.count
        for partition in files.keys.sorted(by: { "\($0)" < "\($1)" }) {
            guard var file = files[partition] else { continue }
            file.items = Array(file.items.prefix(kept(file.synced, file.items.count)))
            file.synced = file.items.count
            files[partition] = file
        }
        failing = nil
        try start(log)
    }

    private func kept(_ synced: Int, _ count: Int) -> Int { policy == .keepsAll ? count : Int.random(in: synced...count, using: &random) }

    /// Nothing fails any more, and all time-outs pass.
    func calmDown() {
        failing = nil
        bench?.log.failure = nil
        for _ in 0..<20 {
            syncAll()
            advance(by: 15_000)
        }
    }
}

extension SeededGenerator {
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
