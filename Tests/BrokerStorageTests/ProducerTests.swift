import KafkaProtocol
import Testing

@testable import BrokerStorage

struct ProducerTests {
    @Test func theLastFiveBatchesAreKnownAgain() throws {
        let test = try TestStore()
        let log = try test.open()
        for index in 0..<7 { try log.append(batch(2, producer: 9, sequence: Int32(index * 2))) }
        for index in 2..<7 {
            let again = try log.append(batch(2, producer: 9, sequence: Int32(index * 2)))
            #expect(again.isDuplicate && again.baseOffset == Int64(index * 2) && again.lastOffset == Int64(index * 2 + 1))
        }
        #expect(log.endOffset == 14)
        #expect(throws: ErrorCode.outOfOrderSequenceNumber) { try log.append(batch(2, producer: 9, sequence: 2)) }
        #expect(throws: ErrorCode.outOfOrderSequenceNumber) { try log.append(batch(2, producer: 9, sequence: 15)) }
        #expect(throws: ErrorCode.outOfOrderSequenceNumber) { try log.append(batch(1, producer: 9, sequence: 12)) }
        try log.append(batch(1, producer: 9, sequence: 14))
        #expect(log.activeProducers.map(\.lastSequence) == [14])
    }

    @Test func anUnknownProducerMayBeginAnywhere() throws {
        let test = try TestStore()
        let log = try test.open()
        try log.append(batch(1, producer: 9, sequence: 77))
        try log.append(batch(1, producer: 9, sequence: 78))
    }

    @Test func aNewEpochBeginsItsSequenceAnewAndFencesTheOld() throws {
        let test = try TestStore()
        let log = try test.open()
        try log.append(batch(1, producer: 9, epoch: 3))
        #expect(throws: ErrorCode.outOfOrderSequenceNumber) { try log.append(batch(1, producer: 9, epoch: 4, sequence: 1)) }
        #expect(try !log.append(batch(1, producer: 9, epoch: 4, sequence: 0)).isDuplicate)
        #expect(throws: ErrorCode.invalidProducerEpoch) { try log.append(batch(1, producer: 9, epoch: 3, sequence: 1)) }
    }

    @Test func theSequenceGoesOnAtZeroAfterTheHighestNumber() throws {
        let test = try TestStore()
        let log = try test.open()
        try log.append(batch(3, producer: 9, sequence: Int32.max - 1))
        #expect(log.activeProducers.map(\.lastSequence) == [0])
        try log.append(batch(1, producer: 9, sequence: 1))
        #expect(try log.append(batch(3, producer: 9, sequence: Int32.max - 1)).isDuplicate)
    }

    @Test func silentProducersAreForgottenButNotThoseInATransaction() throws {
        let test = try TestStore()
        let log = try test.open()
        try log.append(batch(1, producer: 1, sequence: 0), now: 1000)
        try log.append(batch(1, producer: 2, sequence: 0, transactional: true), now: 1000)
        try log.append(batch(1, producer: 3, sequence: 0), now: 2000)
        _ = log.maintain(now: 1000 + 86_400_001) { _ in }
        #expect(log.activeProducers.map(\.producerID) == [2, 3])
    }

    @Test func onlySoManyProducersAreRemembered() throws {
        var settings = StorageSettings()
        settings.maximumProducers = 16
        let test = try TestStore(settings)
        let log = try test.open()
        try log.append(batch(1, producer: 0, transactional: true), now: 0)
        for id in 1..<100 { try log.append(batch(1, producer: Int64(id)), now: Int64(id)) }
        #expect(log.activeProducers.count <= 16)
        #expect(log.activeProducers.contains { $0.producerID == 0 } && log.activeProducers.contains { $0.producerID == 99 })
    }
}
