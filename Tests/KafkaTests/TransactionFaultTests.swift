import Kafka
import MeshTesting
import Testing

/// Transactions against an imitation of a cluster that fails where it is told to: what mends itself is not seen, what must be aborted and what
/// is fatal is told apart.
///
/// Left out: what of an aborted transaction readers see, and where its offsets are. The imitation of 2.0.2 shows aborted records and keeps no
/// offsets of transactions; `TransactionTests` has both, on a real broker.
@Suite(.timeLimit(.minutes(10))) struct TransactionFaultTests {
    private static let limit: Duration = .seconds(60)
    private static let offsets = [TopicPartition("topic", 0): CommittedOffset(offset: 1)]

    private static func producer(_ cluster: MockCluster) throws -> Producer {
        try Producer(cluster.settings, ProducerSettings(transactionalID: "tx", transactionTimeout: .seconds(30)), observer: quiet)
    }

    private static func group(_ cluster: MockCluster) throws -> GroupMetadata {
        let consumer = try Consumer(cluster.settings, group: GroupSettings(id: "group"), observer: quiet)
        defer { consumer.close(timeout: .seconds(1)) }
        return try consumer.groupMetadata()
    }

    /// One transaction with a record and an offset.
    private static func transaction(
        _ producer: Producer, _ value: UInt8, group: GroupMetadata, beforeOffsets: () throws -> Void = {},
        beforeCommit: () throws -> Void = {}
    ) throws {
        try producer.beginTransaction()
        try producer.send(OutgoingRecord(topic: "topic", value: [value]))
        try producer.flush(timeout: limit)
        try beforeOffsets()
        try producer.sendOffsets(offsets, group: group, timeout: limit)
        try beforeCommit()
        try producer.commitTransaction(timeout: limit)
    }

    @Test(arguments: [Fault.coordinatorLoading, Fault.notCoordinator, Fault.coordinatorNotAvailable, Fault.concurrentTransactions])
    func whatPassesIsWaitedForAtTheBeginning(code: Int32) async throws {
        try await withMock { cluster in
            try cluster.fail(.initProducerID, atBroker: 1, with: [code, code])
            let producer = try Self.producer(cluster)
            defer { producer.close() }
            // A refusal that may be repeated is what this method's documentation promises.
            try Self.repeating { () throws(KafkaError) in try producer.initTransactions(timeout: Self.limit) }
            #expect(try cluster.openFailures(.initProducerID, atBroker: 1) == 0)
            try Self.transaction(producer, 1, group: Self.group(cluster))
            #expect(try readAll("topic", cluster.settings).count == 1)
        }
    }

    @Test(
        arguments: [
            MockCluster.Request.addPartitionsToTransaction, .addOffsetsToTransaction, .transactionOffsetCommit, .endTransaction,
        ], [Fault.coordinatorLoading, Fault.notCoordinator, Fault.concurrentTransactions, Fault.disconnect])
    func whatPassesIsNotSeenInATransaction(request: MockCluster.Request, code: Int32) async throws {
        // TxnOffsetCommit goes to the group's coordinator, which knows no transactions.
        guard request != .transactionOffsetCommit || code != Fault.concurrentTransactions else { return }
        try await withMock { cluster in
            let producer = try Self.producer(cluster)
            defer { producer.close() }
            try producer.initTransactions(timeout: Self.limit)
            try cluster.fail(request, atBroker: 1, with: [code, code])
            try Self.transaction(producer, 1, group: Self.group(cluster))
            #expect(try cluster.openFailures(request, atBroker: 1) == 0)
            try Self.transaction(producer, 2, group: Self.group(cluster))
            #expect(try readAll("topic", cluster.settings).map(\.value) == [[1], [2]])
        }
    }

    @Test func aCoordinatorThatMovesInATransactionIsFound() async throws {
        try await withMock(brokers: 3) { cluster in
            try cluster.setCoordinator(of: .transaction("tx"), to: 1)
            try cluster.setCoordinator(of: .group("group"), to: 1)
            let producer = try Self.producer(cluster)
            defer { producer.close() }
            try producer.initTransactions(timeout: Self.limit)
            let group = try Self.group(cluster)
            for (value, broker) in zip(UInt8(0)..., [Int32(2), 3, 1]) {
                try Self.transaction(
                    producer, value, group: group,
                    beforeOffsets: {
                        try cluster.setCoordinator(of: .transaction("tx"), to: broker)
                        try cluster.setCoordinator(of: .group("group"), to: broker)
                    }, beforeCommit: { try cluster.setCoordinator(of: .transaction("tx"), to: broker % 3 + 1) })
            }
            #expect(try readAll("topic", cluster.settings).map(\.value) == [[0], [1], [2]])
        }
    }

    @Test(
        arguments: [
            MockCluster.Request.addPartitionsToTransaction, .addOffsetsToTransaction, .transactionOffsetCommit, .endTransaction,
        ], [Fault.invalidProducerEpoch, Fault.producerFenced])
    func aFencedProducerSaysSo(request: MockCluster.Request, code: Int32) async throws {
        try await withMock { cluster in
            let producer = try Self.producer(cluster)
            defer { producer.close(timeout: .seconds(1)) }
            try producer.initTransactions(timeout: Self.limit)
            let group = try Self.group(cluster)
            try producer.beginTransaction()
            try cluster.fail(request, atBroker: 1, with: [code])
            let error = kafkaError { () throws(KafkaError) in
                try producer.send(OutgoingRecord(topic: "topic", value: [1]))
                try producer.sendOffsets(Self.offsets, group: group, timeout: Self.limit)
                try producer.commitTransaction(timeout: Self.limit)
            }
            #expect(error?.isFatal == true && error?.isFenced == true && error?.requiresAbort == false, "\(String(describing: error))")
        }
    }

    @Test func aFencedProducerSaysSoAtTheBeginning() async throws {
        for code in [Fault.invalidProducerEpoch, Fault.producerFenced] {
            try await withMock { cluster in
                cluster.fail(.initProducerID, with: [code])
                let producer = try Self.producer(cluster)
                defer { producer.close(timeout: .seconds(1)) }
                let error = kafkaError { () throws(KafkaError) in try producer.initTransactions(timeout: Self.limit) }
                #expect(error?.isFatal == true && error?.isFenced == true, "\(String(describing: error))")
            }
        }
    }

    @Test(arguments: [Fault.illegalGeneration, Fault.unknownMember, Fault.rebalanceInProgress])
    func offsetsOfAStaleMemberRequireAnAbort(code: Int32) async throws {
        try await withMock { cluster in
            let producer = try Self.producer(cluster)
            defer { producer.close(timeout: .seconds(1)) }
            try producer.initTransactions(timeout: Self.limit)
            let group = try Self.group(cluster)
            try producer.beginTransaction()
            try cluster.fail(.transactionOffsetCommit, atBroker: 1, with: [code])
            let error = kafkaError { () throws(KafkaError) in try producer.sendOffsets(Self.offsets, group: group, timeout: Self.limit) }
            #expect(error?.requiresAbort == true && error?.isFatal == false && error?.isStaleMember == true, "\(String(describing: error))")
            try producer.abortTransaction(timeout: Self.limit)
            try Self.transaction(producer, 1, group: group)
        }
    }

    @Test func aRefusedPartitionRequiresAnAbort() async throws {
        try await withMock { cluster in
            let producer = try Self.producer(cluster)
            defer { producer.close(timeout: .seconds(1)) }
            try producer.initTransactions(timeout: Self.limit)
            try producer.beginTransaction()
            try cluster.fail(.addPartitionsToTransaction, atBroker: 1, with: [Fault.topicAuthorizationFailed])
            try producer.send(OutgoingRecord(topic: "topic", value: [1]), token: 1)
            let error = kafkaError { () throws(KafkaError) in try producer.commitTransaction(timeout: Self.limit) }
            #expect(error?.requiresAbort == true && error?.isFatal == false, "\(String(describing: error))")
            try producer.abortTransaction(timeout: Self.limit)
            #expect(producer.deliveries().map(\.token) == [1])
            try Self.transaction(producer, 2, group: Self.group(cluster))
            #expect(try readAll("topic", cluster.settings).map(\.value) == [[2]])
        }
    }

    @Test func recordsThatAreRefusedForAWhileAreCommittedOnce() async throws {
        try await withMock { cluster in
            let producer = try Self.producer(cluster)
            defer { producer.close() }
            try producer.initTransactions(timeout: Self.limit)
            try cluster.fail(.produce, atBroker: 1, with: [Fault.notLeader, Fault.requestTimedOut, Fault.disconnect])
            try Self.transaction(producer, 1, group: Self.group(cluster))
            #expect(try cluster.openFailures(.produce, atBroker: 1) == 0)
            #expect(try readAll("topic", cluster.settings).map(\.value) == [[1]])
        }
    }

    /// As whoever calls these methods has to: while the error says that it may pass.
    private static func repeating(_ body: () throws(KafkaError) -> Void) throws(KafkaError) {
        for _ in 0..<20 {
            guard let error = kafkaError(of: body) else { return }
            guard error.isRetriable else { throw error }
        }
        try body()
    }
}
