import Kafka
import MeshTesting
import Testing

/// The three classes of transaction errors, by an imitation of a broker that fails where it is told to.
@Suite(.timeLimit(.minutes(10))) struct ErrorClassTests {
    private func withTransaction<Value: Sendable>(
        _ body: @escaping @Sendable (Producer, MockCluster) throws -> Value
    ) async throws -> Value {
        try await blocking {
            let cluster = try MockCluster()
            defer { cluster.close() }
            try cluster.makeTopic("topic")
            let producer = try Producer(cluster.settings, .patient("tx"), observer: quiet)
            defer { producer.close(timeout: .seconds(1)) }
            try producer.initTransactions(timeout: .seconds(60))
            try producer.beginTransaction()
            return try body(producer, cluster)
        }
    }

    @Test func itIsKnownWhetherATopicIsRefusedOrOneRecord() {
        func error(_ code: Int32) -> KafkaError { KafkaError(code: code, name: "", message: "") }
        // Unknown topics and partitions, and those that the client may not write.
        for code: Int32 in [3, 29, -188, -190] { #expect(error(code).isTopicRefused && error(code).isRecordRefused) }
        // Invalid records, those that are too large, and those that break a policy.
        for code: Int32 in [2, 4, 10, 44, 87] { #expect(!error(code).isTopicRefused && error(code).isRecordRefused) }
        // Of leaders, of time, and none of Kafka's.
        for code: Int32 in [6, 7, -185, -1] { #expect(!error(code).isTopicRefused && !error(code).isRecordRefused) }
    }

    @Test func aTimeOutIsRetriableAndTheCommitGoesOnWhereItStood() async throws {
        try await withTransaction { producer, cluster in
            try producer.send(OutgoingRecord(topic: "topic", value: [1]))
            try producer.flush(timeout: .seconds(60))
            try cluster.setRoundTrip(ofBroker: 1, to: .seconds(8))
            let error = kafkaError { () throws(KafkaError) in try producer.commitTransaction(timeout: .milliseconds(300)) }
            #expect(error?.isRetriable == true && error?.requiresAbort == false && error?.isFatal == false, "\(String(describing: error))")
            try cluster.setRoundTrip(ofBroker: 1, to: .zero)
            try producer.commitTransaction(timeout: .seconds(60))
        }
    }

    @Test func aRefusedRecordRequiresAnAbortAndItsReportSaysWhy() async throws {
        try await withTransaction { producer, cluster in
            cluster.fail(.produce, with: [Fault.topicAuthorizationFailed])
            try producer.send(OutgoingRecord(topic: "topic", value: [1]), token: 7)
            let error = kafkaError { () throws(KafkaError) in try producer.commitTransaction(timeout: .seconds(60)) }
            #expect(error?.requiresAbort == true, "\(String(describing: error))")
            try producer.abortTransaction(timeout: .seconds(60))
            let deliveries = producer.deliveries()
            #expect(deliveries.map(\.token) == [7])
            #expect(deliveries.first?.error?.code == Fault.topicAuthorizationFailed)
        }
    }

    @Test func aFencedProducerIsFatal() async throws {
        try await withTransaction { producer, cluster in
            try producer.send(OutgoingRecord(topic: "topic", value: [1]))
            try producer.flush(timeout: .seconds(60))
            cluster.fail(.endTransaction, with: [Fault.invalidProducerEpoch])
            let error = kafkaError { () throws(KafkaError) in try producer.commitTransaction(timeout: .seconds(60)) }
            #expect(error?.isFatal == true && error?.isFenced == true, "\(String(describing: error))")
            #expect(producer.fatalError != nil)
            let next = kafkaError { () throws(KafkaError) in try producer.send(OutgoingRecord(topic: "topic", value: [2])) }
            #expect(next != nil)
        }
    }
}
