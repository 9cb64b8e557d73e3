import Kafka
import MeshTesting
import Testing

/// The three classes of transaction errors, by an imitation of a broker that fails where it is told to.
@Suite(.timeLimit(.minutes(1))) struct ErrorClassTests {
    private static let illegalGeneration: Int32 = 22
    private static let topicAuthorizationFailed: Int32 = 29
    private static let invalidProducerEpoch: Int32 = 47

    private func withTransaction<Value: Sendable>(
        _ body: @escaping @Sendable (Producer, MockCluster) throws -> Value
    ) async throws -> Value {
        try await blocking {
            let cluster = try MockCluster()
            defer { cluster.close() }
            try cluster.makeTopic("topic")
            let producer = try Producer(cluster.settings, ProducerSettings(transactionalID: "tx"), observer: quiet)
            defer { producer.close(timeout: .seconds(1)) }
            try producer.initTransactions(timeout: .seconds(10))
            try producer.beginTransaction()
            return try body(producer, cluster)
        }
    }

    private static func error(of body: () throws(KafkaError) -> Void) -> KafkaError? {
        do throws(KafkaError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    @Test func aTimeOutIsRetriableAndTheCommitGoesOnWhereItStood() async throws {
        try await withTransaction { producer, cluster in
            try producer.send(OutgoingRecord(topic: "topic", value: [1]))
            try producer.flush(timeout: .seconds(10))
            try cluster.setRoundTrip(ofBroker: 1, to: .seconds(3))
            let error = Self.error { () throws(KafkaError) in try producer.commitTransaction(timeout: .milliseconds(300)) }
            #expect(error?.isRetriable == true && error?.requiresAbort == false && error?.isFatal == false, "\(String(describing: error))")
            try cluster.setRoundTrip(ofBroker: 1, to: .zero)
            try producer.commitTransaction(timeout: .seconds(10))
        }
    }

    @Test func refusedOffsetsRequireAnAbortAndTheProducerGoesOn() async throws {
        try await withTransaction { producer, cluster in
            let consumer = try Consumer(cluster.settings, group: GroupSettings(id: "group"), observer: quiet)
            defer { consumer.close(timeout: .seconds(1)) }
            cluster.fail(.transactionOffsetCommit, with: [Self.illegalGeneration])
            let group = try consumer.groupMetadata()
            let error = Self.error { () throws(KafkaError) in
                try producer.sendOffsets(
                    [TopicPartition("topic", 0): CommittedOffset(offset: 1)], group: group, timeout: .seconds(5))
            }
            #expect(error?.requiresAbort == true && error?.isFatal == false && error?.isStaleMember == true, "\(String(describing: error))")
            try producer.abortTransaction(timeout: .seconds(10))
            try producer.beginTransaction()
            try producer.send(OutgoingRecord(topic: "topic", value: [1]))
            try producer.commitTransaction(timeout: .seconds(10))
        }
    }

    @Test func aRefusedRecordRequiresAnAbortAndItsReportSaysWhy() async throws {
        try await withTransaction { producer, cluster in
            cluster.fail(.produce, with: [Self.topicAuthorizationFailed])
            try producer.send(OutgoingRecord(topic: "topic", value: [1]), token: 7)
            let error = Self.error { () throws(KafkaError) in try producer.commitTransaction(timeout: .seconds(10)) }
            #expect(error?.requiresAbort == true, "\(String(describing: error))")
            try producer.abortTransaction(timeout: .seconds(10))
            let deliveries = producer.deliveries()
            #expect(deliveries.map(\.token) == [7])
            #expect(deliveries.first?.error?.code == Self.topicAuthorizationFailed)
        }
    }

    @Test func aFencedProducerIsFatal() async throws {
        try await withTransaction { producer, cluster in
            try producer.send(OutgoingRecord(topic: "topic", value: [1]))
            try producer.flush(timeout: .seconds(10))
            cluster.fail(.endTransaction, with: [Self.invalidProducerEpoch])
            let error = Self.error { () throws(KafkaError) in try producer.commitTransaction(timeout: .seconds(10)) }
            #expect(error?.isFatal == true && error?.isFenced == true, "\(String(describing: error))")
            #expect(producer.fatalError != nil)
            let next = Self.error { () throws(KafkaError) in try producer.send(OutgoingRecord(topic: "topic", value: [2])) }
            #expect(next != nil)
        }
    }

    @Test func aRefusedCommitIsAnErrorOfItsPartition() async throws {
        try await blocking {
            let cluster = try MockCluster()
            defer { cluster.close() }
            try cluster.makeTopic("topic")
            let delegate = RecordingDelegate()
            let consumer = try Consumer(cluster.settings, group: GroupSettings(id: "group"), events: delegate, observer: quiet)
            defer { consumer.close() }
            try consumer.subscribe(to: ["topic"])
            try consumer.poll { delegate.assigned.count == 1 }
            cluster.fail(.offsetCommit, with: [Self.illegalGeneration])
            let error = Self.error { () throws(KafkaError) in
                try consumer.commit([TopicPartition("topic", 0): CommittedOffset(offset: 1)])
            }
            #expect(error?.isStaleMember == true, "\(String(describing: error))")
            // librdkafka 2.0.2 gives everything up after that; the consumer must come back by itself.
            try consumer.poll { delegate.events.filter { $0 == "assign 1" }.count == 2 && delegate.assigned.count == 1 }
            try consumer.commit([TopicPartition("topic", 0): CommittedOffset(offset: 1)])
        }
    }
}
