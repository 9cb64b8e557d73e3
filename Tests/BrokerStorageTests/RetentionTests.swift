import CSystem
import Glibc
import KafkaProtocol
import Testing

@testable import BrokerStorage

struct RetentionTests {
    private func settings(_ change: (inout LogSettings) -> Void = { _ in }) -> LogSettings {
        var settings = LogSettings()
        settings.segmentBytes = batch().count * 2
        change(&settings)
        return settings
    }

    private func maintain(_ log: PartitionLog, _ now: Int64) { _ = log.maintain(now: now) { _ in } }

    @Test func bytes() throws {
        let test = try TestStore()
        let log = try test.open("t", 0, settings { $0.retentionMs = -1 })
        for _ in 0..<10 { try log.append(batch()) }
        maintain(log, 0)
        #expect((log.startOffset, log.segmentCount) == (0, 5))
        log.settings.retentionBytes = Int64(log.size - 1)
        maintain(log, 0)
        #expect(log.startOffset == 0)
        log.settings.retentionBytes = Int64(batch().count * 5)
        maintain(log, 0)
        #expect((log.startOffset, log.segmentCount) == (4, 3))
        log.settings.retentionBytes = 0
        maintain(log, 0)
        #expect((log.startOffset, log.endOffset, log.segmentCount) == (8, 10, 1))
        #expect(throws: ErrorCode.offsetOutOfRange) { try log.batches(from: 7) }
        #expect(try log.allOffsets(from: 8) == [8, 9])
    }

    @Test(arguments: [LogSettings.CleanupPolicy.delete, .compact, [.compact, .delete]])
    func times(policy: LogSettings.CleanupPolicy) throws {
        let test = try TestStore()
        let log = try test.open(
            "t", 0,
            settings {
                $0.cleanupPolicy = policy
                $0.segmentBytes = batch(key: [1]).count * 2
            })
        for index in 0..<6 { try log.append(batch(timestamp: 1000 + Int64(index) * 100, key: [1]), now: 0) }
        log.settings.segmentMs = Int64.max
        log.settings.retentionMs = 1000
        maintain(log, 2100)
        #expect(log.startOffset == 0)
        maintain(log, 2101)
        let removes = policy.contains(.delete)
        #expect(log.startOffset == (removes ? 2 : 0))
        maintain(log, 2_000_000)
        // The last segment gives way too.
        #expect((log.startOffset, log.endOffset) == (removes ? 6 : 0, 6))
        try log.append(batch(timestamp: 2_000_000, key: [1]))
        #expect(try log.allOffsets(from: 6) == [6])
    }

    @Test func segmentsAreRolledByTimeAndBytes() throws {
        let test = try TestStore()
        let log = try test.open(
            "t", 0,
            settings {
                $0.segmentMs = 500
                $0.retentionMs = -1
            })
        try log.append(batch(timestamp: 1000), now: 1000)
        try log.append(batch(timestamp: 1499), now: 1000)
        #expect(log.segmentCount == 1)
        try log.append(batch(timestamp: 1500), now: 1000)
        #expect(log.segmentCount == 2)
        try log.append(batch(timestamp: 2000), now: 1000)
        #expect(log.segmentCount == 3)
        maintain(log, 1499)
        #expect(log.segmentCount == 3)
        maintain(log, 1500)
        #expect((log.segmentCount, log.active.size) == (4, 0))
        log.settings.segmentBytes = 1 << 20
        log.settings.segmentMs = Int64.max
        for _ in 0..<10 { try log.append(batch()) }
        #expect(log.segmentCount == 4)
    }

    @Test func recordsAreDeletedUpToAnyOffset() throws {
        let directory = try TestDirectory()
        let test = try TestStore(directory)
        let log = try test.open("t", 0, settings())
        for _ in 0..<9 { try log.append(batch(timestamp: test.now)) }
        #expect(throws: ErrorCode.offsetOutOfRange) { try log.advanceStart(to: 10) }
        #expect(throws: ErrorCode.offsetOutOfRange) { try log.advanceStart(to: -1) }
        try log.advanceStart(to: 5)
        try log.advanceStart(to: 3)
        #expect(log.startOffset == 5)
        #expect(throws: ErrorCode.offsetOutOfRange) { try log.batches(from: 4) }
        maintain(log, test.now)
        #expect((log.startOffset, log.segments[0].baseOffset) == (5, 4))
        test.store.close()
        let again = try TestStore(directory)
        let reopened = try again.open("t", 0, settings())
        #expect(try reopened.allOffsets(from: reopened.startOffset).filter { $0 >= 5 } == [5, 6, 7, 8])
        #expect(reopened.startOffset == 5)
        try reopened.advanceStart(to: 9)
        maintain(reopened, again.now)
        #expect((reopened.startOffset, reopened.endOffset, reopened.segmentCount) == (9, 9, 1))
    }

    @Test func whatIsNotSyncedStays() throws {
        var strict = StorageSettings()
        strict.syncsBeforeAcknowledging = true
        let test = try TestStore(strict)
        let log = try test.open(
            "t", 0,
            settings {
                $0.retentionBytes = 0
                $0.retentionMs = 1
            })
        for _ in 0..<3 { try log.append(batch()) }
        try test.sync()
        for _ in 0..<6 { try log.append(batch()) }
        maintain(log, test.now)
        #expect((log.startOffset, log.highWatermark) == (2, 3))
        #expect(throws: ErrorCode.offsetOutOfRange) { try log.advanceStart(to: 4) }
        try test.sync()
        maintain(log, test.now)
        #expect(log.startOffset == 9)
    }

    /// As in Kafka, an open transaction does not keep what is too old; where it began is gone then.
    @Test func theLastStableOffsetIsNoneThatIsGone() throws {
        let test = try TestStore()
        let log = try test.open("t", 0, settings { $0.segmentBytes = 200 })
        try log.append(batch(1, producer: 1, transactional: true))
        for _ in 0..<6 { try log.append(batch()) }
        #expect(log.lastStableOffset == 0)
        try log.advanceStart(to: 4)
        #expect((log.lastStableOffset, log.highWatermark) == (4, 7))
        #expect(try log.batches(from: log.lastStableOffset, .readCommitted).isEmpty)
        try log.endTransaction(producerID: 1, epoch: 0, commit: false, coordinatorEpoch: 0, now: 0)
        #expect(log.lastStableOffset == 8)
    }

    /// A producer whose last batch was removed soon after it had been written, and whose broker was killed then.
    @Test func whatProducersHaveDoneOutlivesItsBatches() throws {
        let directory = try TestDirectory()
        let rules = settings {
            $0.segmentBytes = batch(producer: 1).count * 2
            $0.retentionMs = -1
            $0.retentionBytes = 0
        }
        let test = try TestStore(directory)
        let log = try test.open("t", 0, rules)
        try log.append(batch(producer: 9, sequence: 0))
        try test.sync(checkpoint: true)
        try log.append(batch(producer: 9, sequence: 1))
        for index in 0..<6 { try log.append(batch(producer: 1, sequence: Int32(index))) }
        maintain(log, test.now)
        test.store.end()

        let again = try TestStore(directory)
        let reopened = try again.open("t", 0, rules)
        #expect(try reopened.append(batch(producer: 9, sequence: 1)).isDuplicate)
        #expect(try !reopened.append(batch(producer: 9, sequence: 2)).isDuplicate)
        // It waits no longer than for the next checkpoint, which it asks for.
        maintain(reopened, again.now)
        #expect(reopened.chooseCheckpoint(always: false))
        try again.sync(checkpoint: true)
        maintain(reopened, again.now)
        #expect(reopened.startOffset == 8)
    }

    /// As without inodes: a directory stands where the next segment would be.
    @Test func whereNoSegmentCanBeMadeTheOldOnesGoAllTheSame() throws {
        let directory = try TestDirectory()
        let test = try TestStore(directory)
        let log = try test.open(
            "t", 0,
            settings {
                $0.retentionMs = 1000
                $0.segmentMs = 1000
            })
        for _ in 0..<6 { try log.append(batch(timestamp: 1000), now: 1000) }
        try #require(mkdir(directory.segment(6), 0o700) == 0)
        maintain(log, 100_000)
        #expect((log.startOffset, log.endOffset, log.segmentCount) == (4, 6, 1))
        try #require(rmdir(directory.segment(6)) == 0)
        maintain(log, 100_000)
        #expect((log.startOffset, log.endOffset) == (6, 6))
    }

    /// The highest timestamp in a batch's header is the producer's word, which Kafka does not take either.
    @Test(arguments: [Int64(0), .max])
    func retentionGoesByTheRecordsAndNotByWhatTheHeaderSaysOfThem(told: Int64) throws {
        let test = try TestStore()
        let log = try test.open("t", 0, settings { $0.retentionMs = 86_400_000 })
        try log.append(batch(2, timestamp: test.now, told: told), now: test.now)
        #expect(try log.batches(from: 0).map(\.header.maxTimestamp) == [test.now + 1])
        #expect(try log.allOffsets() == [0])
        maintain(log, test.now)
        #expect((log.startOffset, log.endOffset) == (0, 2))
        maintain(log, test.now + 86_400_002)
        #expect(log.startOffset == 2)
    }
}

/// A batch whose header says of its records that `told` is the highest timestamp.
private func batch(_ count: Int, timestamp: Int64, told: Int64) throws -> [UInt8] {
    var bytes = batch(count, timestamp: timestamp)
    var header = try #require(bytes.withUnsafeBytes { RecordBatchHeader($0) })
    header.maxTimestamp = told
    bytes.withUnsafeMutableBytes { bytes in
        header.write(to: UnsafeMutableRawBufferPointer(rebasing: bytes[..<RecordBatchHeader.size]))
        header.crc = csystem_crc32c(0, bytes.baseAddress! + RecordBatchHeader.checkedFrom, bytes.count - RecordBatchHeader.checkedFrom)
        header.write(to: UnsafeMutableRawBufferPointer(rebasing: bytes[..<RecordBatchHeader.size]))
    }
    return bytes
}
