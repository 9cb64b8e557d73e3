import Glibc
import KafkaProtocol
import Testing

@testable import BrokerStorage

/// A disk that fails while it is synced. The system tells of data that it could not write once: the next sync of the same file succeeds.
struct SyncFailureTests {
    private static let failure = StorageError.system(operation: "sync", path: "t-0", number: EIO)

    private func strict() throws -> TestStore {
        var settings = StorageSettings()
        settings.syncsBeforeAcknowledging = true
        return try TestStore(settings)
    }

    /// The sync of what is not synced fails.
    private func failSync(_ test: TestStore, _ index: Int = 0) {
        let (_, running) = test.store.makeRound(checkpoint: false)
        test.store.apply(running, SyncRound.Outcome(failures: [index: Self.failure]))
    }

    @Test func whatAFailedSyncHadIsNotTakenForSyncedByTheNext() throws {
        let test = try strict()
        let log = try test.open()
        try log.append(batch())
        let (_, first) = test.store.makeRound(checkpoint: false)
        try log.append(batch())
        test.store.apply(first, SyncRound.Outcome(failures: [0: Self.failure]))
        let (work, second) = test.store.makeRound(checkpoint: false)
        test.store.apply(second, work.run())
        #expect(log.highWatermark == 0)
        #expect(test.notices == [.failed(log.partition, Self.failure)])
    }

    @Test func aBatchThatCouldNotBeSyncedIsNotTakenForSentBefore() throws {
        let test = try strict()
        let log = try test.open()
        try log.append(batch(producer: 1))
        failSync(test)
        #expect(throws: ErrorCode.kafkaStorageError) { try log.append(batch(producer: 1)) }
    }

    @Test func onlyWhatTellsOfTheFailedPartitionIsRefused() throws {
        let test = try strict()
        let (good, bad) = (try test.open("good"), try test.open("bad"))
        try good.append(batch())
        try bad.append(batch())
        let path = bad.active.path(.log)
        bad.context.files.close(bad.active)
        try FileSystem.remove(path)
        // A name that leads to itself.
        try #require(symlink(path, path) == 0)
        var told: [String: Bool] = [:]
        test.store.whenDurable([good.partition]) { told["good"] = $0 }
        test.store.whenDurable([bad.partition]) { told["bad"] = $0 }
        test.store.whenDurable([good.partition, bad.partition]) { told["both"] = $0 }
        try test.pump { told.count == 3 }
        #expect(told == ["good": true, "bad": false, "both": false])
        #expect((good.highWatermark, bad.highWatermark) == (1, 0))
        test.store.whenDurable([bad.partition]) { told["later"] = $0 }
        try test.pump { test.store.round == nil }
        #expect(told["later"] == false)
    }

    /// Of the file's data that could not be written the system tells once; of a descriptor that it could not have it tells again.
    @Test(arguments: [false, true]) func aFailureThatLastsIsNotForgottenForATransientOne(isFirst: Bool) {
        let transient = StorageError.system(operation: "open", path: "t-0", number: EMFILE)
        var outcome = SyncRound.Outcome()
        for error in isFirst ? [Self.failure, transient] : [transient, Self.failure] { outcome.note(error, of: 0) }
        #expect(outcome.failures == [0: Self.failure])
    }

    @Test func aNewPartitionsNameIsSyncedAgain() throws {
        let test = try strict()
        _ = try test.open()
        failSync(test, -1)
        #expect(test.store.makeRound(checkpoint: false).0.directories.map(\.path) == [test.store.directory + "/partitions"])
    }

    /// Also in the default mode: readers were told that what stands before it is gone.
    @Test func aStartOffsetIsToldWhenTheManifestHasIt() throws {
        let directory = try TestDirectory()
        let test = try TestStore(directory)
        var settings = LogSettings()
        settings.retentionMs = -1
        let log = try test.open("t", 0, settings)
        for _ in 0..<5 { try log.append(batch()) }
        try test.sync(checkpoint: true)
        let obstacle = directory.manifest + ".tmp"
        try FileSystem.makeDirectory(obstacle)
        try log.advanceStart(to: 3)
        var isKept: Bool?
        test.store.whenStartsAreSynced([log.partition]) { isKept = $0 }
        try test.pump { test.store.round == nil }
        #expect(isKept == nil)
        try #require(rmdir(obstacle) == 0)
        test.now += 10_000
        test.store.tick(now: test.now)
        try test.pump { isKept != nil }
        #expect(isKept == true)
        test.store.end()
        #expect(try TestStore(directory).open("t", 0, settings).startOffset == 3)
    }
}
