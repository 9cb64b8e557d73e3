import KafkaProtocol
import MeshTesting
import Testing

@testable import BrokerStorage

struct TimesModelTests {
    private struct Record {
        var offset: Int64
        var timestamp: Int64
    }

    /// Records over many segments with times in no order, and what a search through all of them finds.
    private func check(_ log: PartitionLog, _ records: [Record], _ note: String) throws {
        let there = records.filter { $0.offset >= log.startOffset }
        for time in stride(from: Int64(990), through: 1220, by: 7) {
            let wanted = there.first { $0.timestamp >= time }
            let found = try log.offset(forTime: time, isolation: .readUncommitted)
            #expect(found?.offset == wanted?.offset && found?.timestamp == wanted?.timestamp, "time \(time), \(note)")
        }
        let highest = there.map(\.timestamp).max()
        let wanted = there.first { $0.timestamp == highest }
        let found = try log.maximumTimestamp()
        #expect(found?.offset == wanted?.offset && found?.timestamp == wanted?.timestamp, "maximum, \(note)")
    }

    private func fill(_ log: PartitionLog, _ generator: inout SeededGenerator) throws -> [Record] {
        var records: [Record] = []
        let isSorted = Bool.random(using: &generator)
        for index in 0..<60 {
            let count = Int.random(in: 1...4, using: &generator)
            let time = isSorted ? 1000 + Int64(index * 3) : Int64.random(in: 1000...1200, using: &generator)
            let offset = try log.append(batch(count, timestamp: time)).baseOffset
            for each in 0..<Int64(count) { records.append(Record(offset: offset + each, timestamp: time + each)) }
        }
        return records
    }

    private func small() -> (StorageSettings, LogSettings) {
        var (store, log) = (StorageSettings(), LogSettings())
        store.indexIntervalBytes = 150
        log.segmentBytes = 900
        log.retentionMs = -1
        return (store, log)
    }

    @Test(arguments: UInt64(0)..<20) func offsetsByTime(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let directory = try TestDirectory()
        let (storeSettings, logSettings) = small()
        let test = try TestStore(directory, storeSettings)
        let log = try test.open("t", 0, logSettings)
        let records = try fill(log, &generator)
        #expect(log.segmentCount > 3)
        try check(log, records, "as written")
        try log.advanceStart(to: Int64.random(in: 0..<log.endOffset, using: &generator))
        try check(log, records, "from \(log.startOffset) on")
        test.store.close()
        let again = try TestStore(directory, storeSettings)
        try check(try again.open("t", 0, logSettings), records, "opened again")
    }

    @Test func theHighestTimestampIsOneThatIsThere() throws {
        let test = try TestStore()
        let log = try test.open()
        for time in [Int64(3000), 1000, 2000, 1500] { try log.append(batch(timestamp: time)) }
        #expect(try log.maximumTimestamp()?.offset == 0)
        try log.advanceStart(to: 1)
        let found = try log.maximumTimestamp()
        #expect(found?.offset == 2 && found?.timestamp == 2000)
        try log.advanceStart(to: 4)
        #expect(try log.maximumTimestamp() == nil)
    }

    @Test(arguments: [SegmentFile.offsets, .times], Damage.allCases)
    func damagedIndexesAreMadeAnew(file: SegmentFile, damage: Damage) throws {
        // A prefix of the index of times is right as far as it goes, and no different from one of a log that ends there.
        if file == .times && damage == .halved { return }
        var generator = SeededGenerator(seed: 3)
        let directory = try TestDirectory()
        let (storeSettings, logSettings) = small()
        let test = try TestStore(directory, storeSettings)
        let log = try test.open("t", 0, logSettings)
        let records = try fill(log, &generator)
        let (offsets, bases) = (try log.allOffsets(), log.segments.map(\.baseOffset))
        test.store.close()
        for base in bases { try damage.happens(to: directory.segment(base, file)) }
        let again = try TestStore(directory, storeSettings)
        let reopened = try again.open("t", 0, logSettings)
        try check(reopened, records, "\(file) \(damage)")
        for (index, offset) in offsets.enumerated().reversed() {
            #expect(try reopened.batches(from: offset, maximumBytes: 1).first?.header.baseOffset == offsets[index])
        }
        // Zeros say that the first batch is at the beginning, which is true.
        let isRebuilt = again.notices.contains { if case .rebuilt = $0 { true } else { false } }
        #expect(again.cuts.isEmpty && (isRebuilt || file == .offsets && damage == .zeroed))
    }

    @Test(arguments: [Damage.missing, .halved, .odd]) func aShortIndexOfTransactionsIsMadeAnew(damage: Damage) throws {
        let directory = try TestDirectory()
        let test = try TestStore(directory)
        let log = try test.open()
        for index in 0..<6 {
            try log.append(record("k", "\(index)", producer: 1, sequence: Int32(index), transactional: true))
            try log.endTransaction(producerID: 1, epoch: 0, commit: index % 2 == 0, coordinatorEpoch: 0, now: 0)
        }
        let seen = try log.seen()
        test.store.close()
        try damage.happens(to: directory.segment(0, .aborted))
        let again = try TestStore(directory)
        let reopened = try again.open()
        #expect(try reopened.seen() == seen && seen.map(\.value) == ["0", "2", "4"])
        #expect(again.cuts.isEmpty)
    }
}
