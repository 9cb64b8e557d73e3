import KafkaProtocol
import Testing

@testable import BrokerStorage

/// A batch with values of one byte, as a producer sends it.
func batch(
    _ count: Int = 1, timestamp: Int64 = 1000, producer: Int64 = -1, epoch: Int16 = 0, sequence: Int32 = 0, transactional: Bool = false,
    key: [UInt8]? = nil, size: Int = 1
) -> [UInt8] {
    var builder = RecordBatchBuilder(
        timestamp: timestamp, producerID: producer, producerEpoch: producer < 0 ? -1 : epoch, baseSequence: producer < 0 ? -1 : sequence,
        isTransactional: transactional)
    for index in 0..<count {
        builder.append(
            key: key, value: [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size), timestamp: timestamp + Int64(index))
    }
    return builder.finish()
}

extension PartitionLog {
    @discardableResult
    func append(_ bytes: [UInt8], now: Int64 = 1_700_000_000_000) throws(ErrorCode) -> AppendResult { try append(bytes[...], now: now) }

    /// The batches that one read gives.
    func batches(from offset: Int64, maximumBytes: Int = 1 << 30, _ isolation: Isolation = .readUncommitted, atLeastOne: Bool = true) throws
        -> [RecordBatch]
    {
        let result = try read(from: offset, maximumBytes: maximumBytes, isolation: isolation, atLeastOneBatch: atLeastOne)
        guard case .file(let region) = result.records else { return [] }
        let batches = try RecordBatch.split(try region.bytes()[...])
        #expect(batches.last.map { $0.header.lastOffset + 1 } ?? -1 <= result.nextOffset)
        return batches
    }

    /// The base offsets of all batches from an offset on, read in pieces.
    func allOffsets(from offset: Int64 = 0, maximumBytes: Int = 4096, _ isolation: Isolation = .readUncommitted) throws -> [Int64] {
        var offsets: [Int64] = []
        var next = offset
        while true {
            let found = try batches(from: next, maximumBytes: maximumBytes, isolation)
            guard let last = found.last else { return offsets }
            for batch in found { try batch.verify() }
            offsets += found.map(\.header.baseOffset)
            next = last.header.lastOffset + 1
        }
    }
}
