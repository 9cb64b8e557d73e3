import KafkaProtocol
import Testing

@testable import BrokerStorage

extension TestStore {
    /// Lets the cleaner work until nothing is dirty enough.
    func clean() throws {
        try sync(checkpoint: true)
        for _ in 0..<1000 {
            now += 10_000
            store.lookForDirt(now: now)
            if store.cleaning.run == nil { return }
            try pump { store.cleaning.run == nil }
        }
        Issue.record("the cleaner finds no end")
    }
}

extension LogSettings {
    /// Compacted whenever something is dirty, in small segments.
    static func compacted(segmentBytes: Int = 300) -> LogSettings {
        var settings = LogSettings()
        settings.cleanupPolicy = .compact
        settings.segmentBytes = segmentBytes
        settings.minCleanableDirtyRatio = 0
        return settings
    }
}

/// One record, as a producer sends it.
func record(
    _ key: String, _ value: String?, producer: Int64 = -1, epoch: Int16 = 0, sequence: Int32 = 0, transactional: Bool = false
) -> [UInt8] {
    var builder = RecordBatchBuilder(
        timestamp: 1000, producerID: producer, producerEpoch: producer < 0 ? -1 : epoch, baseSequence: producer < 0 ? -1 : sequence,
        isTransactional: transactional)
    builder.append(key: Array(key.utf8), value: value.map { Array($0.utf8) })
    return builder.finish()
}

/// A record as a consumer sees it.
struct Seen: Equatable {
    var offset: Int64
    var key: String
    var value: String?
}

extension PartitionLog {
    /// What a consumer gets that reads piece by piece up to the end and leaves out what was aborted.
    func seen(_ isolation: Isolation = .readCommitted, maximumBytes: Int = 500) throws -> [Seen] {
        var found: [Seen] = []
        var next = startOffset
        while true {
            let result = try read(from: next, maximumBytes: maximumBytes, isolation: isolation, atLeastOneBatch: true)
            guard case .file(let region) = result.records, region.count > 0 else { return found }
            var aborting: Set<Int64> = []
            var coming = result.abortedTransactions.sorted { $0.firstOffset < $1.firstOffset }
            for batch in try RecordBatch.split(try region.bytes()[...]) {
                try batch.verify()
                while let first = coming.first, first.firstOffset <= batch.header.lastOffset {
                    aborting.insert(first.producerID)
                    coming.removeFirst()
                }
                if batch.header.isControl {
                    if case .abort? = try ControlRecord(batch) { aborting.remove(batch.header.producerID) }
                    continue
                }
                if batch.header.isTransactional && aborting.contains(batch.header.producerID) { continue }
                for record in try batch.records(maximumBytes: 1 << 20) where record.offset >= next {
                    found.append(
                        Seen(
                            offset: record.offset, key: String(decoding: record.key ?? [], as: UTF8.self),
                            value: record.value.map { String(decoding: $0, as: UTF8.self) }))
                }
            }
            try #require(result.nextOffset > next)
            next = result.nextOffset
        }
    }
}
