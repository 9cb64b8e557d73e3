import CSystem
import Glibc
import KafkaProtocol
import MeshTesting
import Testing

@testable import BrokerStorage

@Suite struct CleaningTests {
    /// Twenty rounds of five keys; the last segments stay as they are.
    private func filled(_ test: TestStore, _ settings: LogSettings = .compacted()) throws -> PartitionLog {
        let log = try test.open("t", 0, settings)
        for round in 0..<20 { for key in 0..<5 { try log.append(record("k\(key)", "\(round)-\(key)")) } }
        return log
    }

    private func expectClean(_ log: PartitionLog) throws {
        let seen = try log.seen()
        let last = Dictionary(seen.map { ($0.key, $0) }) { $1 }
        for key in 0..<5 { #expect(last["k\(key)"] == Seen(offset: Int64(95 + key), key: "k\(key)", value: "19-\(key)")) }
        // The last segment is not cleaned.
        let cleaned = seen.filter { $0.offset < log.active.baseOffset }
        #expect(Set(cleaned.map(\.key)).count == cleaned.count)
        #expect(seen.map(\.offset) == seen.map(\.offset).sorted())
        #expect(log.startOffset == 0 && log.endOffset == 100)
    }

    @Test func theLastValueOfEachKeyStaysAtItsOffset() throws {
        let directory = try TestDirectory()
        let test = try TestStore(directory)
        let log = try filled(test)
        let before = log.size
        try test.clean()
        try expectClean(log)
        #expect(log.size < before / 5)
        #expect(test.store.cleaningStatistics.runs == 1 && test.store.cleaningStatistics.failedPartitions == 0)
        #expect(test.notices.isEmpty)
        // Reads begin anywhere.
        for offset in Int64(0)..<100 {
            let first = try log.batches(from: offset).first
            #expect((first?.header.lastOffset ?? -1) >= offset)
        }
        test.store.close()

        let again = try TestStore(directory)
        let reopened = try again.open("t", 0, .compacted())
        try expectClean(reopened)
        #expect(reopened.dirtiness(now: again.now) == nil)
        try again.clean()
        #expect(again.store.cleaningStatistics.runs == 0 && again.notices.isEmpty)
    }

    /// What the run's step on the cleaning thread has come to, in the place of which the test can put something else.
    private func outcome(_ work: CleaningWork) throws -> CleaningWork.Outcome {
        let deadline = ContinuousClock.now.advanced(by: .seconds(120))
        while true {
            if let outcome = work.take() { return outcome }
            try #require(ContinuousClock.now < deadline)
            usleep(100)
        }
    }

    /// A run that has decided on a swap, whose decision cannot be synced.
    private func undecided(_ test: TestStore, _ log: PartitionLog, _ number: Int32) throws {
        try test.sync(checkpoint: true)
        test.store.lookForDirt(now: test.now)
        try test.pump { log.isSwapping }
        let work = try #require(test.store.cleaning.run).work
        guard case .decided(let swap, let group, let size) = try outcome(work) else { throw StorageError.full(path: "") }
        work.keep(.undecided(swap, group: group, size: size, .system(operation: "open", path: log.directory, number: number)))
        test.pump()
    }

    @Test func aSwapWaitsForADescriptorAndThePartitionTakesData() throws {
        let test = try TestStore()
        let log = try filled(test)
        try undecided(test, log, EMFILE)
        #expect(log.isSwapping && log.failure == nil)
        #expect(test.store.cleaningStatistics.failedPartitions == 1)
        try test.clean()
        try expectClean(log)
        #expect(!log.isSwapping && test.store.cleaningStatistics.failedPartitions == 0)
    }

    @Test func aSwapThatFailsForGoodEndsThePartitionUntilTheNextStart() throws {
        let test = try TestStore()
        let log = try filled(test)
        try undecided(test, log, EIO)
        #expect(!log.isSwapping && log.failure != nil && test.store.cleaning.run == nil)
        test.store.end()
        let again = try TestStore(test.directory)
        #expect(try again.open("t", 0, .compacted()).seen().suffix(5).map(\.key) == ["k0", "k1", "k2", "k3", "k4"])
    }

    @Test func smallNeighboursBecomeOneSegment() throws {
        let test = try TestStore()
        let log = try filled(test)
        try test.clean()
        for round in 20..<22 { for key in 0..<5 { try log.append(record("k\(key)", "\(round)-\(key)")) } }
        try test.clean()
        #expect(log.segmentCount <= 6)
        #expect(try log.seen().suffix(5).map(\.offset) == [105, 106, 107, 108, 109])
    }

    @Test func oldFilesGoAfterTheirTimeAndReadersGoOn() throws {
        let test = try TestStore()
        let log = try filled(test)
        let read = try log.read(from: 0, maximumBytes: 1 << 20, isolation: .readUncommitted, atLeastOneBatch: true)
        guard case .file(let region) = read.records else { throw StorageError.corrupt(path: "", reason: "nothing was read") }
        let bytes = try region.bytes()
        try test.clean()
        func old() throws -> Int { try FileSystem.list(log.directory).count { $0.hasSuffix(".deleted") } }
        #expect(try old() > 10)
        test.store.tick(now: test.now)
        test.store.removeDue(now: test.now + 1)
        #expect(try old() > 10)
        test.store.removeDue(now: test.now + 60_000)
        try test.pump { (try? old()) == 0 }
        #expect(try region.bytes() == bytes)
        #expect(try FileSystem.list(log.directory).allSatisfy { !$0.hasSuffix(".cleaned") && !$0.hasSuffix(".swap") })
    }

    @Test func tombstonesGoAfterTheirTime() throws {
        let test = try TestStore()
        var settings = LogSettings.compacted()
        settings.deleteRetentionMs = 100_000
        let log = try test.open("t", 0, settings)
        try log.append(record("a", "1"))
        try log.append(record("a", nil))
        for index in 0..<10 { try log.append(record("b", "\(index)")) }
        try test.clean()
        #expect(try log.seen().first == Seen(offset: 1, key: "a", value: nil))
        test.now += 200_000
        for index in 0..<10 { try log.append(record("b", "again \(index)")) }
        try test.clean()
        #expect(try log.seen().allSatisfy { $0.key == "b" })
    }

    @Test func whatIsNotDecidedIsNotCleaned() throws {
        let test = try TestStore()
        let log = try test.open("t", 0, .compacted())
        try log.append(record("a", "1"))
        try log.append(record("a", "2", producer: 1, transactional: true))
        for index in 0..<20 { try log.append(record("a", "later \(index)")) }
        try test.clean()
        #expect(try log.seen().map(\.value) == ["1"])
        try log.endTransaction(producerID: 1, epoch: 0, commit: false, coordinatorEpoch: 0, now: 0)
        for index in 0..<20 { try log.append(record("b", "\(index)")) }
        try test.clean()
        let seen = try log.seen()
        #expect(seen.filter { $0.key == "a" } == [Seen(offset: 21, key: "a", value: "later 19")])
        // The aborted producer's next records are not taken for aborted.
        try log.append(record("c", "1", producer: 1, sequence: 1, transactional: true))
        try log.endTransaction(producerID: 1, epoch: 0, commit: true, coordinatorEpoch: 0, now: 0)
        #expect(try log.seen(maximumBytes: 1 << 20).last?.value == "1")
    }

    /// A power cut could take the end away, and the transaction be aborted then.
    @Test func theEndOfATransactionCountsWhenItIsOnTheDisk() throws {
        let test = try TestStore()
        let log = try test.open("t", 0, .compacted())
        try log.append(record("a", "1"))
        try log.append(record("a", "2", producer: 1, transactional: true))
        for index in 0..<20 { try log.append(record("b", "\(index)")) }
        try test.sync(checkpoint: true)
        try log.endTransaction(producerID: 1, epoch: 0, commit: true, coordinatorEpoch: 0, now: 0)
        #expect(log.lastStableOffset == log.endOffset)
        #expect(log.dirtiness(now: test.now) == nil)
        try test.sync()
        #expect(log.dirtiness(now: test.now) != nil)
    }

    @Test func producersAreKnownAfterCleaningWithoutTheirSnapshot() throws {
        let directory = try TestDirectory()
        let test = try TestStore(directory)
        let log = try test.open("t", 0, .compacted())
        for sequence in 0..<10 { try log.append(record("a", "p", producer: 7, sequence: Int32(sequence))) }
        for index in 0..<30 { try log.append(record("a", "\(index)")) }
        try test.clean()
        test.store.close()
        for name in try FileSystem.list(log.directory) where name.hasSuffix(".snapshot") {
            try FileSystem.remove(log.directory + "/" + name)
        }
        let again = try TestStore(directory)
        let reopened = try again.open("t", 0, .compacted())
        #expect(try reopened.append(record("a", "p", producer: 7, sequence: 9)).isDuplicate)
        #expect(throws: ErrorCode.outOfOrderSequenceNumber) { try reopened.append(record("a", "p", producer: 7, sequence: 12)) }
        try reopened.append(record("a", "p", producer: 7, sequence: 10))
    }

    @Test func theRatioTheLagAndTheLastSegmentCount() throws {
        let test = try TestStore()
        var settings = LogSettings.compacted()
        settings.minCleanableDirtyRatio = 0.5
        let log = try filled(test, settings)
        #expect(log.dirtiness(now: test.now) == nil)  // Before the recovery point has moved.
        try test.sync(checkpoint: true)
        let dirtiness = try #require(log.dirtiness(now: test.now))
        #expect(dirtiness.ratio == 1 && dirtiness.end == log.active.baseOffset && log.isDirtyEnough(dirtiness))
        log.settings.minCompactionLagMs = test.now
        #expect(log.dirtiness(now: test.now) == nil)
        log.settings.minCompactionLagMs = 0
        #expect(!log.isDirtyEnough(Dirtiness(firstDirty: 0, end: 0, clean: 51, dirty: 49)))
        #expect(log.isDirtyEnough(Dirtiness(firstDirty: 0, end: 0, clean: 50, dirty: 50)))
        log.settings.maxCompactionLagMs = 1000
        #expect(log.dirtiness(now: test.now)?.isOverdue == true)
        log.settings.cleanupPolicy = .delete
        #expect(log.dirtiness(now: test.now) == nil)
    }

    @Test func aSmallMapTakesSeveralRuns() throws {
        var storage = StorageSettings()
        storage.cleanerMapBytes = 3 * OffsetMap.slotSize
        let test = try TestStore(storage)
        let log = try filled(test)
        try test.clean()
        #expect(test.store.cleaningStatistics.runs > 5)
        try expectClean(log)
    }

    @Test func damageLeavesTheLogAsItWasAndIsToldOnce() throws {
        let test = try TestStore()
        let log = try filled(test)
        try test.sync(checkpoint: true)
        let path = log.segments[3].path(.log)
        let whole = try FileSystem.contents(path, limit: 1 << 20)
        var damaged = whole
        damaged[100] ^= 1
        try FileSystem.replace(path, with: damaged)
        let count = log.segmentCount
        for _ in 0..<5 { try test.clean() }
        #expect(test.notices.count == 1)
        guard case .uncleaned(log.partition, .corrupt)? = test.notices.first else {
            Issue.record("\(test.notices)")
            return
        }
        #expect(log.segmentCount == count && log.failure == nil && test.store.cleaningStatistics.failedPartitions == 1)
        #expect(try FileSystem.list(log.directory).allSatisfy { !$0.hasSuffix(".cleaned") })
        try FileSystem.replace(path, with: whole)
        test.now += 3_600_000
        try test.clean()
        try expectClean(log)
        #expect(test.store.cleaningStatistics.failedPartitions == 0)
    }

    @Test func aFullDiskIsNotMadeFuller() throws {
        let test = try TestStore()
        let log = try filled(test)
        test.store.context.simulatedSpace = 10
        try test.clean()
        #expect(test.notices.count == 1)
        guard case .uncleaned(log.partition, .full)? = test.notices.first else {
            Issue.record("\(test.notices)")
            return
        }
        #expect(try FileSystem.list(log.directory).allSatisfy { !$0.hasSuffix(".cleaned") })
        test.store.context.simulatedSpace = nil
        test.now += 3_600_000
        try test.clean()
        try expectClean(log)
    }

    /// Whatever happens while the cleaned files are written, they are not put into the log then.
    @Test(arguments: ["delete", "again", "policy", "start", "close", "cut"])
    func whatHappensMeanwhileIsRight(event: String) throws {
        let directory = try TestDirectory()
        let test = try TestStore(directory)
        let log = try filled(test)
        try test.sync(checkpoint: true)
        test.store.lookForDirt(now: test.now)
        #expect(test.store.cleaning.run != nil)
        switch event {
        case "delete", "again":
            test.store.delete(log.partition)
            if event == "again" { try test.open("t", 0, .compacted()).append(record("new", "1")) }
        case "policy": log.settings.cleanupPolicy = .delete
        case "start":
            try log.advanceStart(to: 50)
            test.store.tick(now: test.now + 10_000)
        case "close": test.store.close()
        default:
            var generator = SeededGenerator(seed: 1)
            test.store.cutUnsynced(using: &generator)
        }
        try test.pump { test.store.cleaning.run == nil && test.store.round == nil }
        #expect(test.notices.isEmpty)
        if event == "delete" { return #expect(test.store.existing.isEmpty) }
        if event == "policy" { #expect(try log.seen().count == 100) }
        test.store.close()
        let again = try TestStore(directory)
        let reopened = try again.open("t", 0, .compacted())
        if event == "again" { return #expect(try reopened.seen() == [Seen(offset: 0, key: "new", value: "1")]) }
        #expect(try reopened.startOffset == (event == "start" ? 50 : 0) && reopened.seen().last?.offset == 99)
        try again.clean()
        #expect(again.notices.isEmpty)
        if event != "start" { try expectClean(reopened) }
    }

    @Test func manyCommitsStaySmall() throws {
        let test = try TestStore()
        var settings = LogSettings()
        settings.cleanupPolicy = .compact
        settings.segmentBytes = 1 << 20
        settings.fileDeleteDelayMs = 1000
        let log = try test.open("__consumer_offsets", 0, settings)
        let commits = (0..<10).map { record("key \($0)", String(repeating: "v", count: 30)) }
        var largest = 0
        for index in 0..<200_000 {
            _ = try log.appendInternal(commits[index % 10], now: test.now)
            guard index % 20_000 == 0 else { continue }
            test.now += 5000
            test.store.tick(now: test.now)
            try test.pump { test.store.round == nil && test.store.cleaning.run == nil }
            largest = max(largest, log.size)
        }
        #expect(largest < 8 << 20 && log.segmentCount < 12)
        #expect(try log.seen(.readUncommitted, maximumBytes: 1 << 20).last?.offset == 199_999)
    }
}
