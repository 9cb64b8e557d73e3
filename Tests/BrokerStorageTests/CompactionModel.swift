import KafkaProtocol
import MeshTesting

@testable import BrokerStorage

/// A log in memory that is written at random, and what Kafka's rules say of it.
struct CompactionModel {
    private(set) var batches: [[UInt8]] = []
    private(set) var aborted: [(producerID: Int64, offsets: ClosedRange<Int64>)] = []
    private(set) var producers = ProducerEnds()
    private(set) var endOffset: Int64 = 0
    /// Of those that nobody aborted.
    private(set) var lastOfKey: [[UInt8]: Int64] = [:]
    private var generator: SeededGenerator
    private var open: [Int64: (start: Int64, keys: [([UInt8], Int64)])] = [:]

    init(seed: UInt64, batches count: Int) {
        generator = SeededGenerator(seed: seed)
        for _ in 0..<count { write() }
        for producer in open.keys.sorted() { end(producer) }
    }

    private mutating func write() {
        let producer = Int64.random(in: -2...4, using: &generator)
        if producer >= 2, open[producer] != nil, Int.random(in: 0..<3, using: &generator) == 0 { return end(producer) }
        let codec = Compression.allCases[Int.random(in: 0..<5, using: &generator)]
        // Producers from 2 on write in transactions.
        var builder = RecordBatchBuilder(
            baseOffset: endOffset, timestamp: endOffset, producerID: max(-1, producer), producerEpoch: producer < 0 ? -1 : 0,
            baseSequence: producer < 0 ? -1 : Int32(endOffset), isTransactional: producer >= 2, compression: codec)
        var keys: [([UInt8], Int64)] = []
        for index in 0..<Int64.random(in: 1...6, using: &generator) {
            let key = Array("key \(Int.random(in: 0..<12, using: &generator))".utf8)
            let isTombstone = Int.random(in: 0..<5, using: &generator) == 0
            builder.append(
                key: key, value: isTombstone ? nil : Array("value of \(endOffset + index)".utf8),
                headers: [RecordHeader("at", [UInt8(index)])],
                timestamp: endOffset + index * 3 - 5)
            keys.append((key, endOffset + index))
        }
        if producer >= 2 {
            open[producer, default: (endOffset, [])].keys += keys
        } else {
            for (key, offset) in keys { lastOfKey[key] = offset }
        }
        append(builder.finish())
        if producer >= 0 { producers.ends[producer] = .init(epoch: 0, lastDataOffset: endOffset - 1) }
    }

    private mutating func end(_ producer: Int64) {
        guard let transaction = open.removeValue(forKey: producer) else { return }
        let commits = Bool.random(using: &generator)
        let marker = ControlRecord.endMarker(
            commit: commits, producerID: producer, producerEpoch: 0, coordinatorEpoch: 0, offset: endOffset, timestamp: endOffset)
        if commits {
            for (key, offset) in transaction.keys { lastOfKey[key] = max(offset, lastOfKey[key] ?? -1) }
        } else {
            aborted.append((producer, transaction.start...endOffset))
        }
        append(marker)
    }

    private mutating func append(_ batch: [UInt8]) {
        batches.append(batch)
        endOffset += batch.withUnsafeBytes { RecordBatchHeader($0) }.map { Int64($0.lastOffsetDelta) + 1 } ?? 0
    }
}

extension CompactionModel {
    static let limit = 1 << 20

    /// Compacts batches once, with a map for keys from an offset on; returns what stays, and up to where the map reached.
    func compacted(_ batches: [[UInt8]], from start: Int64 = 0, now: Int64, retention: Int64, keys: Int64 = 1000) throws -> (
        [[UInt8]], Int64
    ) {
        let secret = KeyHash.Secret(first: 1, second: 2)
        let ranges = AbortedRanges(aborted)
        let map = OffsetMap(records: keys, maximumBytes: 1 << 20)!
        for batch in batches {
            guard try map.add(try RecordBatch(batch[...]), from: start, aborted: ranges, secret: secret, maximumBytes: Self.limit) else {
                break
            }
        }
        var filter = CompactionFilter(
            map: map, secret: secret, aborted: ranges, producers: producers, now: now, deleteRetentionMs: retention, endOffset: endOffset,
            maximumBytes: Self.limit)
        var kept: [[UInt8]] = []
        for batch in batches {
            switch try filter.verdict(on: try RecordBatch(batch[...])) {
            case .whole: kept.append(batch)
            case .changed(let bytes): kept.append(bytes)
            case .dropped: break
            }
        }
        return (kept, map.latestOffset + 1)
    }

    /// All records of data, those of aborted transactions left out.
    func visible(_ batches: [[UInt8]]) throws -> [Record] {
        let ranges = AbortedRanges(aborted)
        return try batches.flatMap { bytes -> [Record] in
            let batch = try RecordBatch(bytes[...])
            try batch.verify()
            if batch.header.isControl { return [] }
            if batch.header.isTransactional && ranges.contains(producerID: batch.header.producerID, offset: batch.header.baseOffset) {
                return []
            }
            return try batch.records(maximumBytes: Self.limit)
        }
    }
}
