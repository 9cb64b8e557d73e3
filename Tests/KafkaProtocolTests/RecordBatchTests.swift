import KafkaProtocol
import Testing

@Suite struct RecordBatchTests {
    @Test(arguments: GoldenBatch.uncompressed)
    func whatAClientWroteIsRead(golden: GoldenBatch) throws {
        let batch = try RecordBatch(golden.bytes[...])
        try batch.verify()
        #expect(batch.bytes.count == golden.bytes.count)
        #expect(try batch.records(maximumBytes: 1000) == GoldenBatch.records)
        let summary = try batch.summary(maximumBytes: 1000)
        #expect(summary.maximumTimestamp == 1_700_000_000_005 && summary.maximumTimestampOffsetDelta == 1)
        #expect(summary.minimumTimestamp == 1_700_000_000_000 && !summary.hasAllKeys && summary.isDense)
    }

    /// The records of the golden batch, made here, give its bytes.
    @Test func theBuilderWritesWhatAClientWrites() throws {
        var builder = RecordBatchBuilder(timestamp: 1_700_000_000_000)
        for record in GoldenBatch.records {
            builder.append(
                key: record.key.map(Array.init), value: record.value.map(Array.init), headers: record.headers, timestamp: record.timestamp)
        }
        #expect(builder.finish() == GoldenBatch.uncompressed[0].bytes)
    }

    @Test func batchesInARowAreTakenApart() throws {
        let one = GoldenBatch.uncompressed[0].bytes
        let two = GoldenBatch.uncompressed[1].bytes
        let batches = try RecordBatch.split((one + two)[...])
        #expect(batches.map { Array($0.bytes) } == [one, two])
        #expect(batches[1].header.producerID == 4711 && batches[1].header.isTransactional)
        #expect(throws: BatchError.self) { try RecordBatch.split((one + two.dropLast())[...]) }
    }

    @Test func whatIsWrongIsNamedWithItsCode() throws {
        func code(_ change: (inout RecordBatchHeader) -> Void, resealed: Bool = true) throws -> ErrorCode? {
            let bytes = GoldenBatch.uncompressed[0].bytes
            var header = try #require(bytes.withUnsafeBytes { RecordBatchHeader($0) })
            change(&header)
            var changed = header.batch(Array(bytes.dropFirst(RecordBatchHeader.size)))
            if !resealed { changed.withUnsafeMutableBytes { header.write(to: $0) } }
            do {
                try RecordBatch(changed[...]).verify()
                return nil
            } catch let error as BatchError { return error.code }
        }
        #expect(try code { _ in } == nil)
        #expect(try code({ $0.crc = 1 }, resealed: false) == .corruptMessage)
        #expect(try code { $0.magic = 1 } == .unsupportedForMessageFormat)
        #expect(try code { $0.magic = 3 } == .corruptMessage)
        #expect(try code { $0.attributes = 5 } == .unsupportedCompressionType)
        #expect(try code { $0.baseOffset = -1 } == .invalidRecord)
        #expect(try code { $0.lastOffsetDelta = -1 } == .invalidRecord)
        #expect(try code { $0.baseOffset = .max } == .invalidRecord)
        #expect(try code { $0.recordCount = -1 } == .invalidRecord)
        #expect(try code { $0.recordCount = 4 } == .invalidRecord)
        #expect(try code { $0.lastOffsetDelta = 1 } == .invalidRecord)
    }

    @Test func recordsThatAreNotWhatTheHeaderSaysAreRefused() throws {
        let bytes = GoldenBatch.uncompressed[0].bytes
        for (count, delta) in [(Int32(2), Int32(2)), (4, 9), (3, 1)] {
            var header = try #require(bytes.withUnsafeBytes { RecordBatchHeader($0) })
            header.recordCount = count
            header.lastOffsetDelta = delta
            let changed = header.batch(Array(bytes.dropFirst(RecordBatchHeader.size)))
            #expect(throws: BatchError.self, "\(count)") { try RecordBatch(changed[...]).records(maximumBytes: 1000) }
        }
        #expect(throws: BatchError.self) { try RecordBatch(bytes[...]).records(maximumBytes: 100) }
    }

    @Test func aCutOffBatchIsNone() {
        let bytes = GoldenBatch.uncompressed[0].bytes
        for count in 0..<bytes.count {
            #expect(throws: WireError.self) { try RecordBatch(bytes.prefix(count)) }
        }
    }

    @Test(arguments: [true, false])
    func theEndOfATransactionIsRead(commit: Bool) throws {
        let bytes = ControlRecord.endMarker(commit: commit, producerID: 7, producerEpoch: 2, coordinatorEpoch: 9, offset: 100, timestamp: 5)
        let batch = try RecordBatch(bytes[...])
        try batch.verify()
        #expect(batch.header.isControl && batch.header.isTransactional && batch.header.lastOffset == 100)
        #expect(batch.header.producerID == 7 && batch.header.producerEpoch == 2 && batch.header.baseSequence == -1)
        #expect(try ControlRecord(batch) == (commit ? .commit(coordinatorEpoch: 9) : .abort(coordinatorEpoch: 9)))
    }

    /// The bytes are those of `MemoryRecords.withEndTransactionMarker` in kafka-clients 4.3.0.
    @Test func theEndMarkerIsKafkasOwn() {
        let bytes = ControlRecord.endMarker(commit: true, producerID: 7, producerEpoch: 2, coordinatorEpoch: 9, offset: 100, timestamp: 5)
        let golden = GoldenBatch(
            "Java",
            "0000000000000064000000420000000002b20cec68003000000000000000000000000500000000000000050000000000000007"
                + "0002ffffffff000000012000000008000000010c00000000000900")
        #expect(bytes == golden.bytes)
    }

    @Test(arguments: [0, 1, -1, 63, -64, 64, Int64.max, .min, 1 << 34])
    func numbersGoThereAndBack(value: Int64) throws {
        var builder = RecordBatchBuilder(timestamp: 0)
        builder.append(key: nil, value: [], timestamp: value)
        #expect(try RecordBatch(builder.finish()[...]).records(maximumBytes: 100).first?.timestamp == value)
    }
}
