import KafkaProtocol
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

    var random: SeededRandom
    /// Whether a crash takes what was not synced.
    private let losesUnsynced: Bool
    private(set) var files: [TopicPartition: File] = [:]
    private(set) var bench: TransactionBench?
    private var syncedEntries = 0
    private var time: Int64 = 1_000
    private(set) var starts = 0
    var failing: TopicPartition?

    init(seed: UInt64, losesUnsynced: Bool) throws {
        random = SeededRandom(seed: seed)
        self.losesUnsynced = losesUnsynced
        for index in 0..<3 { files[TopicPartition("data", Int32(index))] = File() }
        files[TransactionCoordinator.offsetsPartition] = File()
        try start(MemoryStateLog())
    }

    private func start(_ log: MemoryStateLog) throws {
        starts += 1
        let bench = try TransactionBench(log: log, at: time, participants: self)
        bench.durability.isImmediate = !losesUnsynced
        self.bench = bench
    }

    func exists(_ partition: TopicPartition) -> Bool { files[partition] != nil }

    func endTransaction(_ partition: TopicPartition, producerID: Int64, epoch: Int16, commit: Bool, coordinatorEpoch: Int32)
        throws(ErrorCode)
    {
        if failing == partition { throw .kafkaStorageError }
        files[partition]?.items.append(.marker(Producer(id: producerID, epoch: epoch), commit: commit))
    }

    /// What Produce does. Returns the error that it answers.
    func produce(_ transaction: Int, _ producer: Producer, _ partition: TopicPartition) -> ErrorCode {
        guard let bench else { return .coordinatorNotAvailable }
        let error = bench.coordinator.verify(producerID: producer.id, epoch: producer.epoch, partition: partition)
        if error == .none { files[partition]?.items.append(.data(transaction, producer)) }
        return error
    }

    /// A producer's batches are acknowledged when they are synced, and it waits for that before it ends its transaction. Returns how many of the
    /// transaction's there are; what a crash took before is not sent again.
    func syncData(_ transaction: Int) -> Int {
        syncData()
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

    private func kept(_ synced: Int, _ count: Int) -> Int { losesUnsynced ? Int.random(in: synced...count, using: &random) : count }

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

/// SplitMix64.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
