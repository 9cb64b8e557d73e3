import Kafka
import MeshTesting

/// Kafka's error codes that the tests make the imitation answer with.
enum Fault {
    static let notLeader: Int32 = 6
    static let requestTimedOut: Int32 = 7
    static let recordTooLarge: Int32 = 10
    static let coordinatorLoading: Int32 = 14
    static let coordinatorNotAvailable: Int32 = 15
    static let notCoordinator: Int32 = 16
    static let notEnoughReplicas: Int32 = 19
    static let illegalGeneration: Int32 = 22
    static let unknownMember: Int32 = 25
    static let rebalanceInProgress: Int32 = 27
    static let topicAuthorizationFailed: Int32 = 29
    static let invalidProducerEpoch: Int32 = 47
    static let concurrentTransactions: Int32 = 51
    static let transactionalIDAuthorizationFailed: Int32 = 53
    static let producerFenced: Int32 = 90
    /// Ends the connection.
    static let disconnect: Int32 = -195
}

/// Lends an imitation of a cluster with a topic `topic`, on a thread of the test's own.
func withMock<Value: Sendable>(
    brokers: Int32 = 1, partitions: Int32 = 1, _ body: @escaping @Sendable (MockCluster) throws -> Value
) async throws -> Value {
    try await blocking {
        let cluster = try MockCluster(brokers: brokers)
        defer { cluster.close() }
        try cluster.makeTopic("topic", partitions: partitions)
        // The imitation spreads leaders over its brokers; a test says itself when one moves.
        for partition in 0..<partitions { try cluster.setLeader(of: TopicPartition("topic", partition), to: 1) }
        return try body(cluster)
    }
}

/// What `body` throws; nil when it throws nothing.
func kafkaError(of body: () throws(KafkaError) -> Void) -> KafkaError? {
    do throws(KafkaError) {
        try body()
        return nil
    } catch {
        return error
    }
}
