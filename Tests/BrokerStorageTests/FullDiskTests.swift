import KafkaProtocol
import Testing

@testable import BrokerStorage

struct FullDiskTests {
    @Test(arguments: [0, 1, 30, 61, 65]) func aFullDiskRefusesAndRecovers(space: Int) throws {
        let directory = try TestDirectory()
        let test = try TestStore(directory)
        var settings = LogSettings()
        settings.retentionMs = -1
        let log = try test.open("t", 0, settings)
        for index in 0..<3 { try log.append(batch(producer: 1, sequence: Int32(index))) }
        test.store.context.simulatedSpace = space
        for _ in 0..<2 { #expect(throws: ErrorCode.kafkaStorageError) { try log.append(batch(producer: 1, sequence: 3)) } }
        #expect((log.endOffset, log.failure) == (3, nil))
        #expect(try log.allOffsets() == [0, 1, 2])
        #expect(FileSystem.size(log.active.path(.log)) == log.size)
        test.store.context.simulatedSpace = nil
        test.store.tick(now: test.now)
        #expect(try log.append(batch(producer: 1, sequence: 3)).baseOffset == 3)
        #expect(try log.append(batch(producer: 1, sequence: 2)).isDuplicate)
        #expect(test.notices == [.full(directory: log.active.path(.log)), .spaceAgain(directory: test.store.directory)])
        test.store.end()
        let reopened = try TestStore(directory)
        #expect(try reopened.open("t", 0, settings).allOffsets() == [0, 1, 2, 3])
        #expect(reopened.cuts.isEmpty)
    }

    @Test func theBrokersOwnLogsFindTheirReserve() throws {
        var settings = StorageSettings()
        settings.reservedBytes = 1 << 60
        let test = try TestStore(settings)
        let log = try test.open()
        let own = try test.open("__own")
        test.store.tick(now: test.now)
        #expect(throws: ErrorCode.kafkaStorageError) { try log.append(batch()) }
        for _ in 0..<10 { _ = try own.appendInternal(batch(), now: test.now) }
        try own.endTransaction(producerID: 1, epoch: 0, commit: true, coordinatorEpoch: 0, now: test.now)
        #expect(own.endOffset == 11)
        try test.sync(checkpoint: true)
        #expect(test.notices == [.full(directory: test.store.directory)])
    }

    @Test func theSecondStoreIsToldWhoHasTheDirectory() throws {
        let test = try TestStore()
        #expect(throws: StorageError.locked(directory: test.store.directory, process: "\(ProcessID.own)")) {
            _ = try TestStore(test.directory)
        }
    }
}
