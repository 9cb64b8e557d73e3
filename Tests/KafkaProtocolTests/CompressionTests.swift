import KafkaProtocol
import MeshTesting
import Testing

@Suite struct CompressionTests {
    static let codecs = Compression.allCases

    @Test(arguments: GoldenBatch.compressed)
    func whatAClientCompressedIsRead(golden: GoldenBatch) throws {
        let batch = try RecordBatch(golden.bytes[...])
        try batch.verify()
        #expect(batch.compression != Compression.none)
        #expect(try batch.records(maximumBytes: 1000) == GoldenBatch.records)
        #expect(try batch.summary(maximumBytes: 1000).maximumTimestamp == 1_700_000_000_005)
    }

    @Test(arguments: codecs)
    func bytesGoThereAndBack(codec: Compression) throws {
        var generator = SeededGenerator(seed: 1)
        for size in [0, 1, 100, 32 * 1024, 64 * 1024, 300_000] {
            let even = [UInt8](repeating: 7, count: size)
            let uneven = (0..<size).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            for bytes in [even, uneven] {
                let small = codec.compress(bytes[...])
                #expect(try codec.decompress(small[...], maximumBytes: size) == bytes)
                if codec != .none && size > 100 && bytes == even { #expect(small.count < size / 10) }
            }
        }
    }

    @Test(arguments: codecs)
    func aBatchGoesThereAndBack(codec: Compression) throws {
        var builder = RecordBatchBuilder(
            baseOffset: 40, timestamp: 1000, producerID: 5, producerEpoch: 1, baseSequence: 9, compression: codec)
        for number in 0..<1000 {
            builder.append(
                key: Array("\(number)".utf8), value: number % 7 == 0 ? nil : Array("value \(number)".utf8), timestamp: 1000 + Int64(number))
        }
        let batch = try RecordBatch(builder.finish()[...])
        try batch.verify()
        let records = try batch.records(maximumBytes: 100_000)
        #expect(records.map(\.offset) == Array(40..<1040) && batch.header.lastOffset == 1039)
        #expect(records[7].value == nil && records[8].key == Array("8".utf8)[...] && records[999].timestamp == 1999)
    }

    /// 64 MiB of zeros in some kilobytes: no more is made than the limit and a chunk.
    @Test(arguments: codecs.dropFirst())
    func aBombIsNotUnpacked(codec: Compression) throws {
        let bomb = codec.compress([UInt8](repeating: 0, count: 64 << 20)[...])
        #expect(throws: BatchError(.messageTooLarge, "the records of a batch are more than 1000000 bytes when they are decompressed")) {
            try codec.decompress(bomb[...], maximumBytes: 1_000_000)
        }
    }

    /// A snappy block that claims to hold 4 GiB is refused by its size alone.
    @Test func aSnappyBlockThatLiesIsRefused() {
        let lie: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 1]
        #expect(throws: BatchError.self) { try Compression.snappy.decompress(lie[...], maximumBytes: .max) }
    }

    @Test(arguments: codecs.dropFirst())
    func bytesThatAreCutOffAreRefused(codec: Compression) throws {
        let whole = codec.compress((0..<5000).map { UInt8(truncatingIfNeeded: $0 * $0) }[...])
        for count in stride(from: 1, to: whole.count - 1, by: 13) where codec != .snappy || count != 16 {
            #expect(throws: BatchError.self, "\(count)") { try codec.decompress(whole.prefix(count), maximumBytes: 5000) }
        }
        let garbage: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        #expect(throws: BatchError.self) { try codec.decompress((whole + garbage)[...], maximumBytes: 5000) }
    }

    /// Parts that were compressed one by one and joined, as gzip and zstd allow.
    @Test(arguments: codecs)
    func framesInARowAreOne(codec: Compression) throws {
        let parts = [[UInt8](repeating: 1, count: 70_000), [2, 3]]
        let joined = parts.flatMap { codec.compress($0[...]) }
        #expect(try codec.decompress(joined[...], maximumBytes: 100_000) == parts.flatMap { $0 })
    }
}
