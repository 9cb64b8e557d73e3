import KafkaProtocol
import Testing

@testable import BrokerStorage

@Suite struct CompactionFilterTests {
    /// Over random logs with transactions, idempotent and plain producers, tombstones and all codecs.
    @Test(arguments: 0..<60)
    func theLastRecordOfEachKeyStaysAsItWas(seed: UInt64) throws {
        let model = CompactionModel(seed: seed, batches: 120)
        let before = try model.visible(model.batches)
        let (kept, end) = try model.compacted(model.batches, now: 1000, retention: 500)
        #expect(end == model.endOffset)
        let after = try model.visible(kept)
        #expect(after == before.filter { model.lastOfKey[Array($0.key ?? [])] == $0.offset })
        #expect(kept.count < model.batches.count)
        try expectOrder(kept, model)

        // Runs before the time of tombstones and markers change no record, and from the second on no byte.
        let (again, _) = try model.compacted(kept, now: 1499, retention: 500)
        #expect(try model.visible(again) == after)
        let (third, _) = try model.compacted(again, now: 1499, retention: 500)
        #expect(third == again)

        // Then tombstones go, and the ends of transactions that have no data left.
        let (late, _) = try model.compacted(again, now: 2000, retention: 500)
        #expect(try model.visible(late) == after.filter { $0.value != nil })
        try expectOrder(late, model)
    }

    /// With room for a few keys only, several runs come to the same result.
    @Test(arguments: 0..<20)
    func aSmallMapTakesSeveralRuns(seed: UInt64) throws {
        let model = CompactionModel(seed: seed, batches: 100)
        var batches = model.batches
        var start: Int64 = 0
        var runs = 0
        while start < model.endOffset {
            let (kept, end) = try model.compacted(batches, from: start, now: 0, retention: 500, keys: 1)
            #expect(end > start)
            (batches, start) = (kept, end)
            runs += 1
        }
        #expect(runs > 10)
        #expect(try model.visible(batches) == model.visible(model.batches).filter { model.lastOfKey[Array($0.key ?? [])] == $0.offset })
    }

    /// Batches stay in order, keep their ends, and each producer's last batch can be read back with its sequence.
    private func expectOrder(_ kept: [[UInt8]], _ model: CompactionModel) throws {
        let headers = try kept.map { try RecordBatch($0[...]).header }
        let original = Dictionary(
            uniqueKeysWithValues: try model.batches.map { try RecordBatch($0[...]).header }.map { ($0.baseOffset, $0) })
        for header in headers {
            let was = try #require(original[header.baseOffset])
            #expect(header.lastOffset == was.lastOffset && header.baseSequence == was.baseSequence && header.producerID == was.producerID)
            #expect(header.recordCount > 0 || header.lastOffset + 1 == model.endOffset || model.producers.isLast(header))
        }
        #expect(headers.map(\.baseOffset) == headers.map(\.baseOffset).sorted())
        #expect(headers.last?.lastOffset == model.endOffset - 1)
        for (producer, end) in model.producers.ends where producer >= 0 {
            #expect(headers.contains { $0.producerID == producer && $0.lastOffset == end.lastDataOffset })
        }
    }

    private func batch(_ offset: Int64, _ key: String?, _ value: String?, codec: Compression = .none) -> [UInt8] {
        var builder = RecordBatchBuilder(baseOffset: offset, timestamp: 7, compression: codec)
        builder.append(key: key.map { Array($0.utf8) }, value: value.map { Array($0.utf8) })
        builder.append(key: Array("other \(offset)".utf8), value: [1], timestamp: 9)
        return builder.finish()
    }

    private func filter(_ batches: [[UInt8]], reaching: Int64? = nil, now: Int64 = 0) throws -> CompactionFilter {
        let secret = KeyHash.Secret(first: 3, second: 4)
        let map = try #require(OffsetMap(records: 100, maximumBytes: 1 << 20))
        for bytes in batches {
            let batch = try RecordBatch(bytes[...])
            if let reaching, batch.header.baseOffset > reaching { break }
            #expect(try map.add(batch, from: 0, aborted: AbortedRanges(), secret: secret, maximumBytes: 1000))
        }
        return CompactionFilter(
            map: map, secret: secret, aborted: AbortedRanges(), producers: ProducerEnds(), now: now, deleteRetentionMs: 10, endOffset: -1,
            maximumBytes: 1000)
    }

    @Test(arguments: Compression.allCases)
    func onlyABatchThatLosesARecordIsWrittenAnew(codec: Compression) throws {
        let log = [batch(0, "a", "1", codec: codec), batch(2, "b", "2", codec: codec), batch(4, "a", "3", codec: codec)]
        var filter = try filter(log)
        guard case .changed(let bytes) = try filter.verdict(on: RecordBatch(log[0][...])) else {
            Issue.record("it kept a record that is superseded")
            return
        }
        let changed = try RecordBatch(bytes[...])
        try changed.verify()
        #expect(changed.compression == codec && changed.header.lastOffset == 1)
        #expect(try changed.records(maximumBytes: 1000).map(\.offset) == [1])
        #expect(try changed.records(maximumBytes: 1000).map(\.timestamp) == [9])
        #expect(try filter.verdict(on: RecordBatch(log[1][...])) == .whole)
        #expect(try filter.verdict(on: RecordBatch(log[2][...])) == .whole)
    }

    /// What the map has not seen is left alone, with or without a key.
    @Test func whatIsBehindTheMapStays() throws {
        let log = [batch(0, "a", "1"), batch(2, nil, "2"), batch(4, nil, "3")]
        var filter = try filter(log, reaching: 2)
        guard case .changed(let bytes) = try filter.verdict(on: RecordBatch(log[1][...])) else {
            Issue.record("it kept a record without a key")
            return
        }
        #expect(try RecordBatch(bytes[...]).records(maximumBytes: 1000).map(\.offset) == [3])
        #expect(try filter.verdict(on: RecordBatch(log[2][...])) == .whole)
    }

    @Test func aTombstoneStaysForItsTime() throws {
        let log = [batch(0, "a", nil)]
        var first = try filter(log, now: 100)
        guard case .changed(let bytes) = try first.verdict(on: RecordBatch(log[0][...])) else {
            Issue.record("it set no time")
            return
        }
        let marked = try RecordBatch(bytes[...])
        #expect(marked.header.hasDeleteHorizon && marked.header.baseTimestamp == 110)
        #expect(try marked.records(maximumBytes: 1000) == RecordBatch(log[0][...]).records(maximumBytes: 1000))
        var before = try filter(log, now: 109)
        #expect(try before.verdict(on: marked) == .whole)
        var after = try filter(log, now: 110)
        guard case .changed(let rest) = try after.verdict(on: marked) else {
            Issue.record("it kept the tombstone")
            return
        }
        #expect(try RecordBatch(rest[...]).records(maximumBytes: 1000).map { [$0.offset, $0.timestamp] } == [[1, 9]])
    }

    @Test func aDamagedBatchIsNotGuessedAt() throws {
        let log = [batch(0, "a", "1", codec: .gzip)]
        var filter = try filter(log)
        let damaged = try RecordBatch((log[0].dropLast(4) + [9, 9, 9, 9])[...])
        #expect(throws: BatchError.self) { try filter.verdict(on: damaged) }
    }
}

@Suite struct OffsetMapTests {
    /// The vectors were made by `openssl mac SIPHASH` with the key 00 to 0f and a size of 16.
    @Test(
        arguments: [
            (0, 0xe6a8_25ba_047f_81a3, 0x9302_55c7_1472_f66d), (1, 0x44af_996b_d8c1_87da, 0x45fc_229b_1159_7634),
            (8, 0x61f5_5862_baa9_623b, 0xb497_14f3_64e2_830f),
        ] as [(UInt8, UInt64, UInt64)])
    func keysAreHashedAsSipHashSays(count: UInt8, high: UInt64, low: UInt64) {
        let bytes = Array(0..<count)
        let hash = bytes.withUnsafeBytes { KeyHash($0, KeyHash.Secret(first: 0x0706_0504_0302_0100, second: 0x0f0e_0d0c_0b0a_0908)) }
        #expect(hash.high == high && hash.low == low)
    }

    @Test func itHoldsWhatItSaysAndNoMore() throws {
        let map = try #require(OffsetMap(records: .max, maximumBytes: 100 * OffsetMap.slotSize))
        let secret = KeyHash.Secret(first: 1, second: 2)
        func hash(_ number: Int) -> KeyHash { withUnsafeBytes(of: number) { KeyHash($0, secret) } }
        var taken = 0
        while map.put(hash(taken), Int64(taken)) { taken += 1 }
        #expect(taken == 90)
        #expect(map.put(hash(5), 1000))
        #expect(map.offset(of: hash(5)) == 1000 && map.offset(of: hash(6)) == 6 && map.offset(of: hash(taken)) == nil)
    }
}
