import Glibc
import KafkaProtocol
import Testing

@testable import BrokerStorage

struct TransactionTests {
    private func begin(_ log: PartitionLog, _ producer: Int64, sequence: Int32 = 0) throws {
        try log.append(batch(2, producer: producer, sequence: sequence, transactional: true))
    }

    private func end(_ log: PartitionLog, _ producer: Int64, commit: Bool, epoch: Int16 = 0) throws {
        try log.endTransaction(producerID: producer, epoch: epoch, commit: commit, coordinatorEpoch: 0, now: 5000)
    }

    @Test func openTransactionsHoldTheCommittedBack() throws {
        let test = try TestStore()
        let log = try test.open()
        try log.append(batch(3))
        try begin(log, 1)
        try log.append(batch(1))
        #expect(log.highWatermark == 6 && log.lastStableOffset == 3)
        #expect(try log.allOffsets(.readCommitted) == [0])
        #expect(try log.allOffsets() == [0, 3, 5])
        #expect(log.openTransactions.map(\.firstOffset) == [3])
        var stable: [Int64] = []
        log.onAdvance = { stable.append(log.lastStableOffset) }
        try end(log, 1, commit: true)
        #expect(log.lastStableOffset == 7 && stable == [7])
        #expect(try log.allOffsets(.readCommitted) == [0, 3, 5, 6])
        #expect(try log.batches(from: 6).map(\.header.isControl) == [true])
    }

    @Test func theOldestOpenTransactionCounts() throws {
        let test = try TestStore()
        let log = try test.open()
        try begin(log, 1)
        try begin(log, 2)
        try begin(log, 1, sequence: 2)
        try end(log, 2, commit: false)
        #expect(log.lastStableOffset == 0)
        try begin(log, 2, sequence: 2)
        try end(log, 1, commit: true)
        #expect(log.lastStableOffset == 7)
        try end(log, 2, commit: true)
        #expect(log.lastStableOffset == log.endOffset)
    }

    @Test func readersLearnWhatWasAborted() throws {
        let test = try TestStore()
        let log = try test.open()
        try begin(log, 1)  // 0, 1
        try begin(log, 2)  // 2, 3
        try end(log, 1, commit: false)  // 4
        try begin(log, 1, sequence: 2)  // 5, 6
        try end(log, 2, commit: true)  // 7
        try end(log, 1, commit: false)  // 8
        func aborted(_ offset: Int64, _ bytes: Int = 1 << 20) throws -> [[Int64]] {
            try log.read(from: offset, maximumBytes: bytes, isolation: .readCommitted, atLeastOneBatch: true).abortedTransactions
                .map { [$0.producerID, $0.firstOffset] }
        }
        #expect(try aborted(0) == [[1, 0], [1, 5]])
        #expect(try aborted(0, 1) == [[1, 0]])
        #expect(try aborted(4) == [[1, 0], [1, 5]])
        #expect(try aborted(5) == [[1, 5]])
        #expect(try aborted(8) == [[1, 5]])
        #expect(try log.read(from: 0, maximumBytes: 1000, isolation: .readUncommitted, atLeastOneBatch: true).abortedTransactions.isEmpty)
    }

    /// More than are read from the index in one go; the last of them are in memory.
    @Test func readersLearnOfManyAbortedTransactions() throws {
        let test = try TestStore()
        let log = try test.open()
        for index in 0..<700 {
            try begin(log, 1, sequence: Int32(index * 2))
            try end(log, 1, commit: false)
        }
        #expect(log.active.aborted.stored == 640)
        for first in [0, 3, 600, 690] {
            let offset = Int64(first * 3)
            let read = try log.read(from: offset, maximumBytes: 1 << 20, isolation: .readCommitted, atLeastOneBatch: true)
            #expect(read.abortedTransactions.map(\.firstOffset) == (first..<700).map { Int64($0 * 3) })
            let some = try log.abortedTransactions(from: offset, to: offset + 30, startingAt: 0)
            #expect(some.map(\.firstOffset) == (first..<min(first + 10, 700)).map { Int64($0 * 3) })
        }
    }

    @Test func theIndexIsOpenedOnceForManyEntries() throws {
        let directory = try TestDirectory()
        let path = directory.path + "/index"
        var index = IndexFile<AbortedTransaction>()
        func fill(_ offsets: Range<Int64>) {
            for offset in offsets {
                index.append(AbortedTransaction(producerID: 1, firstOffset: offset, lastOffset: offset, lastStableOffset: offset))
            }
        }
        fill(0..<600)
        try index.store(path)
        fill(600..<700)
        func offsets(from first: Int64, to last: Int64) throws -> [Int64] {
            var seen: [Int64] = []
            try index.forEach(
                path, after: { $0.lastOffset < first },
                do: { entry in
                    // What is open already is read on.
                    unlink(path)
                    seen.append(entry.firstOffset)
                    return entry.firstOffset < last
                })
            return seen
        }
        #expect(try offsets(from: 5, to: 650) == Array(5...650))
        // These are in memory, and need no file.
        #expect(try offsets(from: 698, to: 800) == [698, 699])
    }

    @Test func anAbortInALaterSegmentIsFound() throws {
        let test = try TestStore()
        var settings = LogSettings()
        settings.segmentBytes = 300
        let log = try test.open("t", 0, settings)
        try begin(log, 1)
        for _ in 0..<20 { try log.append(batch()) }
        try end(log, 1, commit: false)
        for _ in 0..<20 { try log.append(batch()) }
        #expect(log.segmentCount > 8)
        let first = try log.read(from: 0, maximumBytes: 1 << 20, isolation: .readCommitted, atLeastOneBatch: true)
        #expect(first.abortedTransactions.map(\.firstOffset) == [0])
        let last = try log.read(from: 30, maximumBytes: 1 << 20, isolation: .readCommitted, atLeastOneBatch: true)
        #expect(last.abortedTransactions.isEmpty)
    }

    /// A file that cannot be written for now: a name that points into a directory which is not there.
    private func block(_ path: String) throws { try #require(symlink("missing/file", path) == 0) }

    @Test(arguments: [SegmentFile.offsets, .aborted]) func anAbortOfASegmentWhoseIndexesCannotBeWrittenIsNotForgotten(file: SegmentFile)
        throws
    {
        let directory = try TestDirectory()
        let test = try TestStore(directory)
        let log = try test.open()
        try begin(log, 1)
        try end(log, 1, commit: false)
        let path = directory.segment(0, file)
        try block(path)
        try log.roll()
        try log.append(batch())
        try test.sync(checkpoint: true)
        // What is not in the index yet is found by reading the log again.
        #expect(log.checkpoint.offset == (file == .aborted ? 0 : 4))
        try FileSystem.remove(path)
        try log.append(batch())
        try test.sync(checkpoint: true)
        #expect(log.checkpoint.offset == 5)
        test.store.end()
        let reopened = try TestStore(directory).open()
        let read = try reopened.read(from: 0, maximumBytes: 1 << 20, isolation: .readCommitted, atLeastOneBatch: true)
        #expect(read.abortedTransactions.map(\.firstOffset) == [0])
    }

    /// Leaves an abort in a segment before the last, and a recovery that has to look for it since there is no snapshot.
    private func leaveAbort(_ directory: TestDirectory) throws {
        let test = try TestStore(directory)
        let log = try test.open()
        try begin(log, 1)
        try end(log, 1, commit: false)
        try log.roll()
        try log.append(batch())
        test.store.close()
        try FileSystem.remove(directory.partition + "/" + ProducerSnapshot.name(4))
        try FileSystem.remove(directory.segment(0, .aborted))
    }

    /// A broker whose disk is full starts, and knows what was aborted as long as it runs, when it is started again, and when there is space.
    @Test func recoveryGoesOnWithTheAbortsThatAFullDiskDoesNotTake() throws {
        let directory = try TestDirectory()
        try leaveAbort(directory)
        let path = directory.segment(0, .aborted)
        try #require(symlink("/dev/full", path) == 0)
        func aborted(_ log: PartitionLog) throws -> [Int64] {
            try log.read(from: 0, maximumBytes: 1 << 20, isolation: .readCommitted, atLeastOneBatch: true).abortedTransactions
                .map(\.firstOffset)
        }
        for _ in 0..<2 {
            let full = try TestStore(directory)
            #expect(try aborted(try full.open()) == [0])
            try full.sync(checkpoint: true)
            #expect(full.notices.contains(.troubled(.full(path: path))))
            full.store.end()
        }
        try FileSystem.remove(path)
        let test = try TestStore(directory)
        let log = try test.open()
        #expect(try aborted(log) == [0])
        try log.append(batch())
        test.store.close()
        let reopened = try TestStore(directory)
        #expect(try aborted(try reopened.open()) == [0])
        #expect(reopened.notices.isEmpty)
    }

    @Test func recoveryDoesNotGoOnWithoutTheAbortsThatItFound() throws {
        let directory = try TestDirectory()
        try leaveAbort(directory)
        let path = directory.segment(0, .aborted)
        try block(path)
        let blocked = try TestStore(directory)
        #expect(throws: StorageError.self) { try blocked.open() }
        blocked.store.end()
        try FileSystem.remove(path)
        let read = try TestStore(directory).open().read(from: 0, maximumBytes: 1 << 20, isolation: .readCommitted, atLeastOneBatch: true)
        #expect(read.abortedTransactions.map(\.firstOffset) == [0])
    }

    @Test func anOldCoordinatorOrEpochIsRefused() throws {
        let test = try TestStore()
        let log = try test.open()
        try begin(log, 1)
        try log.endTransaction(producerID: 1, epoch: 2, commit: false, coordinatorEpoch: 4, now: 0)
        #expect(log.openTransactions.isEmpty)
        #expect(throws: ErrorCode.invalidProducerEpoch) { try end(log, 1, commit: true, epoch: 1) }
        #expect(throws: ErrorCode.transactionCoordinatorFenced) {
            try log.endTransaction(producerID: 1, epoch: 2, commit: true, coordinatorEpoch: 3, now: 0)
        }
        #expect(throws: ErrorCode.invalidProducerEpoch) { try begin(log, 1, sequence: 2) }
        try log.append(batch(1, producer: 1, epoch: 2, sequence: 0, transactional: true))
    }

    @Test func recordsOutsideTheOpenTransactionAreRefused() throws {
        let test = try TestStore()
        let log = try test.open()
        try begin(log, 1)
        #expect(throws: ErrorCode.invalidTxnState) { try log.append(batch(1, producer: 1, sequence: 2)) }
    }
}
