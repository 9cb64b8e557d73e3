import KafkaProtocol
import MeshTesting
import Testing

/// Batches that were changed at random: each is refused or read, and nothing traps or grows.
@Suite struct RecordBatchFuzzTests {
    private static let limit = 100_000

    @Test(arguments: 0..<4)
    func changedBatchesAreRefusedOrRead(round: UInt64) {
        var generator = SeededGenerator(seed: 2_026 + round)
        let sources = GoldenBatch.uncompressed + GoldenBatch.compressed
        var refused = 0
        for _ in 0..<5_000 {
            var bytes = sources[Int.random(in: 0..<sources.count, using: &generator)].bytes
            Self.change(&bytes, &generator)
            // Most are given a right checksum, so that what is behind it is reached.
            if Int.random(in: 0..<8, using: &generator) > 0 { Self.seal(&bytes) }
            if !Self.isRead(bytes) { refused += 1 }
        }
        #expect(refused > 1_000 && refused < 5_000)
    }

    private static func isRead(_ bytes: [UInt8]) -> Bool {
        do {
            for batch in try RecordBatch.split(bytes[...]) {
                // Storage reads what it has checked before; the records are read here in any case.
                let checked = Result { try batch.verify() }
                let records = try batch.records(maximumBytes: limit)
                let summary = try batch.summary(maximumBytes: limit)
                _ = try? ControlRecord(batch)
                guard records.count <= limit, summary.maximumTimestamp >= -1 else { return false }
                try checked.get()
            }
            return true
        } catch { return false }
    }

    private static func change(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        let edges: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, 0xfe]
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<7, using: &generator) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 2: bytes[place] = edges[Int.random(in: 0..<edges.count, using: &generator)]
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &generator)))
            case 4: bytes.insert(contentsOf: (0..<Int.random(in: 1...9, using: &generator)).map { _ in edges[2] }, at: place)
            case 5: for index in place..<min(bytes.count, place + 8) { bytes[index] = 0xff }
            default:
                bytes[Int.random(in: 0..<min(bytes.count, RecordBatchHeader.size), using: &generator)] =
                    edges[Int.random(in: 0..<6, using: &generator)]
            }
        }
    }

    /// Sets the length and the checksum right, and the format mostly.
    private static func seal(_ bytes: inout [UInt8]) {
        guard let header = bytes.withUnsafeBytes({ RecordBatchHeader($0) }) else { return }
        bytes = header.batch(Array(bytes.dropFirst(RecordBatchHeader.size)))
    }
}
