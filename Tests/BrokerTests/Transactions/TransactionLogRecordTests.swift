import KafkaProtocol
import Testing

@testable import Broker

@Suite struct TransactionLogRecordTests {
    private var metadata: TransactionMetadata {
        TransactionMetadata(
            producerID: 7, producerEpoch: 3, timeoutMs: 60_000, state: .ongoing, partitions: [.b, .a, TopicPartition("a", 2)],
            startTimestamp: 256, updateTimestamp: 257)
    }

    /// The fields of Kafka's TransactionLogKey and TransactionLogValue, one line each.
    @Test func theBytesAreThoseOfKafka() {
        let record = TransactionLogRecord.transaction("t1", metadata)
        #expect(record.key == [0, 0, 0, 2, 0x74, 0x31])
        let expected: [[UInt8]] = [
            [0, 0],
            [0, 0, 0, 0, 0, 0, 0, 7], [0, 3], [0, 0, 0xea, 0x60], [1],
            [0, 0, 0, 2],
            [0, 1, 0x61], [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2],
            [0, 1, 0x62], [0, 0, 0, 1, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0, 1, 0],
        ]
        #expect(record.value == expected.flatMap { $0 })
    }

    @Test func anIDWithoutATransactionHasNoPartitions() {
        let empty = TransactionMetadata(producerID: 1, producerEpoch: 0, timeoutMs: 1, updateTimestamp: 0)
        #expect(TransactionLogRecord.transaction("t", empty).value?[17..<21] == [0xff, 0xff, 0xff, 0xff])
    }

    @Test func theFormerEpochStandsInATaggedField() throws {
        var metadata = metadata
        metadata.lastProducerID = 6
        metadata.lastProducerEpoch = 2
        let record = TransactionLogRecord.transaction("t1", metadata)
        #expect(record.value?.starts(with: [0, 1]) == true)
        #expect(record.value?.suffix(15) == [2, 0, 8, 0, 0, 0, 0, 0, 0, 0, 6, 64, 2, 0, 2])
        #expect(try TransactionLogRecord.read(record) == .transaction(id: "t1", metadata))
    }

    @Test func theEndsStandInATaggedField() throws {
        var metadata = metadata
        metadata.state = .prepareCommit
        metadata.ends = [TopicPartition("a", 0): 5, TopicPartition("a", 2): 258, .b: 7]
        let (zeros, gone) = ([UInt8](repeating: 0, count: 6), [UInt8](repeating: 0xff, count: 8))
        let record = TransactionLogRecord.transaction("t1", metadata)
        #expect(record.value?.starts(with: [0, 1]) == true)
        let expected: [[UInt8]] = [[1, 65, 24], zeros, [0, 5], zeros, [1, 2], zeros, [0, 7]]
        #expect(record.value.map { Array($0.suffix(27)) } == expected.flatMap { $0 })
        #expect(try TransactionLogRecord.read(record) == .transaction(id: "t1", metadata))
        metadata.ends[.b] = nil
        let without = TransactionLogRecord.transaction("t1", metadata)
        #expect(without.value?.suffix(8) == gone[...])
        #expect(try TransactionLogRecord.read(without) == .transaction(id: "t1", metadata))
        var short = without.value ?? []
        short[short.count - 25] = 16
        #expect(throws: WireError.self) { try TransactionLogRecord.read(StateRecord(key: without.key, value: short)) }
    }

    /// Where a transaction ends takes two bytes for its size from 16 partitions on.
    @Test func manyEndsAreRead() throws {
        var metadata = metadata
        metadata.partitions = Set((0..<300).map { TopicPartition("t", $0) })
        metadata.state = .prepareAbort
        for partition in metadata.partitions { metadata.ends[partition] = Int64(partition.partition) << 32 }
        #expect(try TransactionLogRecord.read(TransactionLogRecord.transaction("t", metadata)) == .transaction(id: "t", metadata))
    }

    @Test(arguments: TransactionState.allCases)
    func whatIsWrittenIsRead(state: TransactionState) throws {
        var metadata = metadata
        metadata.state = state
        if state == .empty { metadata.partitions = [] }
        #expect(try TransactionLogRecord.read(TransactionLogRecord.transaction("t", metadata)) == .transaction(id: "t", metadata))
        #expect(try TransactionLogRecord.read(TransactionLogRecord.transaction("t", nil)) == .transaction(id: "t", nil))
        #expect(try TransactionLogRecord.read(TransactionLogRecord.producerIDs(end: 5_000)) == .producerIDs(end: 5_000))
    }

    /// Version 1 as Kafka 4 writes it: the next producer id (tag 1) and the client's transaction version (tag 2).
    @Test func tagsOfANewerKafkaArePassedOver() throws {
        var value: [UInt8] = [0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 3, 0, 0, 0, 9, 4, 1]
        value += [0, 0, 0, 0, 0, 0, 1, 1] + [UInt8](repeating: 0xff, count: 8)
        value += [2, 1, 8, 0, 0, 0, 0, 0, 0, 0, 9, 2, 2, 0, 2]
        let key: [UInt8] = [0, 0, 0, 1, 0x74]
        let expected = TransactionMetadata(producerID: 7, producerEpoch: 3, timeoutMs: 9, state: .completeCommit, updateTimestamp: 257)
        #expect(try TransactionLogRecord.read(StateRecord(key: key, value: value)) == .transaction(id: "t", expected))
    }

    @Test func keysOfANewerKafkaArePassedOver() throws {
        #expect(try TransactionLogRecord.read(StateRecord(key: [0, 9, 1, 2, 3], value: [1])) == .unknown)
    }

    @Test func whatIsCutOrUnknownIsRefused() {
        let record = TransactionLogRecord.transaction("t1", metadata)
        for count in 0..<record.key.count {
            #expect(throws: WireError.self) { try TransactionLogRecord.read(StateRecord(key: Array(record.key.prefix(count)), value: nil)) }
        }
        for count in 0..<(record.value?.count ?? 0) {
            let cut = record.value.map { Array($0.prefix(count)) }
            #expect(throws: WireError.self) { try TransactionLogRecord.read(StateRecord(key: record.key, value: cut)) }
        }
        for (position, byte) in [(1, 2), (0, 0xff), (16, 9)] as [(Int, UInt8)] {
            var value = record.value ?? []
            value[position] = byte
            #expect(throws: WireError.self) { try TransactionLogRecord.read(StateRecord(key: record.key, value: value)) }
        }
    }
}
