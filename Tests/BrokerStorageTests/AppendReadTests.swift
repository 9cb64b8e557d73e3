import KafkaProtocol
import Testing

@testable import BrokerStorage

struct AppendReadTests {
    @Test func offsetsAreGivenAndBatchesComeBackAsTheyWere() throws {
        let test = try TestStore()
        let log = try test.open()
        let first = try log.append(batch(3))
        let second = try log.append(batch(2))
        #expect((first.baseOffset, first.lastOffset, second.baseOffset, second.lastOffset) == (0, 2, 3, 4))
        #expect(log.endOffset == 5 && log.highWatermark == 5 && log.lastStableOffset == 5)
        let batches = try log.batches(from: 0)
        #expect(batches.map(\.header.baseOffset) == [0, 3])
        // Only the offset and the epoch differ from what was sent, and the checksum does not cover these.
        #expect(batches[1].bytes.dropFirst(16) == batch(2).dropFirst(16))
        for batch in batches { try batch.verify() }
        #expect(batches[1].header.partitionLeaderEpoch == 0)
    }

    @Test func aReadBeginsWithTheBatchThatHasTheOffset() throws {
        let test = try TestStore()
        let log = try test.open()
        for _ in 0..<2000 { try log.append(batch(5)) }
        for offset in [Int64(0), 1, 4, 5, 4321, 9994, 9995, 9999] {
            #expect(try log.batches(from: offset, maximumBytes: 1).map(\.header.baseOffset) == [offset / 5 * 5])
        }
        #expect(try log.batches(from: 10_000).isEmpty)
    }

    @Test func readsKeepToTheirLimit() throws {
        let test = try TestStore()
        let log = try test.open()
        let size = batch().count
        for _ in 0..<1000 { try log.append(batch()) }
        #expect(try log.batches(from: 0, maximumBytes: size - 1, atLeastOne: false).isEmpty)
        #expect(try log.batches(from: 0, maximumBytes: size - 1).count == 1)
        for count in [1, 2, 59, 60, 61, 500, 999, 1000] {
            #expect(try log.batches(from: 0, maximumBytes: size * count).count == count)
            #expect(try log.batches(from: 0, maximumBytes: size * count + size - 1).count == count)
        }
        #expect(try log.allOffsets() == Array(0..<1000))
    }

    @Test func segmentsAreRolledAndReadOneAfterTheOther() throws {
        let test = try TestStore()
        var settings = LogSettings()
        settings.segmentBytes = 1000
        let log = try test.open("t", 0, settings)
        for _ in 0..<100 { try log.append(batch()) }
        #expect(log.segmentCount == 100 * batch().count / (1000 / batch().count * batch().count) + 1)
        #expect(log.segments.allSatisfy { $0.size <= 1000 })
        #expect(try log.allOffsets() == Array(0..<100))
        #expect(log.size == 100 * batch().count)
    }

    @Test func offsetsOutsideTheLogAreRefused() throws {
        let test = try TestStore()
        let log = try test.open()
        try log.append(batch(3))
        #expect(throws: ErrorCode.offsetOutOfRange) { try log.batches(from: 4) }
        #expect(throws: ErrorCode.offsetOutOfRange) { try log.batches(from: -1) }
        try log.advanceStart(to: 2)
        #expect(throws: ErrorCode.offsetOutOfRange) { try log.batches(from: 1) }
        #expect(try log.batches(from: 2).count == 1)
    }

    @Test func fewerFilesAreOpenThanPartitionsAreUsed() throws {
        var settings = StorageSettings()
        settings.maximumOpenFiles = 4
        let test = try TestStore(settings)
        let logs = try (0..<20).map { try test.open("t", $0) }
        for round in 0..<3 {
            for log in logs {
                try log.append(batch())
                #expect(try log.batches(from: 0).count == round + 1)
            }
        }
        #expect(test.store.context.files.count == 4)
        test.store.delete(TopicPartition("t", 19))
        #expect(test.store.context.files.count <= 4)
        #expect(try logs[0].allOffsets() == [0, 1, 2])
    }

    @Test func readersAreToldThatTheEndMoved() throws {
        let test = try TestStore()
        let log = try test.open()
        var ends: [Int64] = []
        log.onAdvance = { ends.append(log.highWatermark) }
        try log.append(batch(2))
        try log.append(batch(1))
        #expect(ends == [2, 3])
    }

    @Test func theBrokersTimeReplacesTheProducers() throws {
        let test = try TestStore()
        var settings = LogSettings()
        settings.messageTimestampType = .append
        let log = try test.open("t", 0, settings)
        let result = try log.append(batch(3, timestamp: 5), now: 7777)
        #expect(result.logAppendTime == 7777)
        let found = try log.batches(from: 0)[0]
        try found.verify()
        #expect(found.header.hasLogAppendTime && found.header.maxTimestamp == 7777)
        #expect(try found.records(maximumBytes: 1000).map(\.timestamp) == [7777, 7777, 7777])
    }
}
