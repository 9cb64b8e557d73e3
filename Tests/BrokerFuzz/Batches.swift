import KafkaProtocol
import MeshTesting

/// Record batches: right ones, and ones with a wrong checksum, wrong counts, or records that become very long.
enum Batches {
    /// Eight million zeros in each compression.
    private static let bombs: [[UInt8]] = Compression.allCases.dropFirst().map { compression in
        var builder = RecordBatchBuilder(timestamp: 0, compression: compression)
        builder.append(key: [1], value: [UInt8](repeating: 0, count: 8_000_000))
        return builder.finish()
    }

    static func any(_ random: inout SeededGenerator) -> [UInt8] {
        switch random.next() % 64 {
        case 0: return random.bytes(count: Int(random.next() % 200))
        case 1: return bombs[Int(random.next() % UInt64(bombs.count))]
        case 2...20: return random.mutated(right(&random))
        case 21...30: return wrongHeader(&random)
        case 31...34: return right(&random) + right(&random)
        default: return right(&random)
        }
    }

    private static func right(_ random: inout SeededGenerator) -> [UInt8] {
        let isIdempotent = random.next() % 3 == 0
        var builder = RecordBatchBuilder(
            timestamp: Int64(random.next() % 1_000_000), producerID: isIdempotent ? Int64(random.next() % 4) : -1,
            producerEpoch: isIdempotent ? Int16(random.next() % 2) : -1, baseSequence: isIdempotent ? Int32(random.next() % 3) : -1,
            isTransactional: isIdempotent && random.next() % 2 == 0,
            compression: Compression.allCases[Int(random.next() % UInt64(Compression.allCases.count))])
        for _ in 0...random.next() % 4 {
            builder.append(key: random.next() % 4 == 0 ? nil : [1, 2], value: random.bytes(count: Int(random.next() % 40)))
        }
        return builder.finish()
    }

    /// A header with a number at its end, and a checksum that is right all the same.
    private static func wrongHeader(_ random: inout SeededGenerator) -> [UInt8] {
        let batch = right(&random)
        guard var header = batch.withUnsafeBytes({ RecordBatchHeader($0) }) else { return batch }
        switch random.next() % 7 {
        case 0: header.recordCount = random.next() % 2 == 0 ? .max : .min
        case 1: header.lastOffsetDelta = random.next() % 2 == 0 ? .max : .min
        case 2: header.baseTimestamp = random.next() % 2 == 0 ? .max : .min
        case 3: header.maxTimestamp = random.next() % 2 == 0 ? .max : .min
        case 4: header.baseSequence = .max
        case 5: (header.producerID, header.producerEpoch, header.baseSequence) = (.max, .max, .max)
        default: header.attributes = Int16(truncatingIfNeeded: random.next())
        }
        return header.batch(Array(batch[RecordBatchHeader.size...]))
    }
}
