import CRdKafka
import Synchronization

/// librdkafka's in-process imitation of a cluster, for tests of what a real broker can hardly be made to do. It has no admin API.
///
/// Sendable although it holds a C pointer: librdkafka locks the imitation itself.
package final class MockCluster: @unchecked Sendable {
    package let settings: ClientSettings
    private let handle: ClientHandle
    private let cluster: OpaquePointer
    private let isClosed = Atomic<Bool>(false)

    /// The requests that can be made to fail. The numbers are Kafka's API keys.
    package enum Request: Int16, Sendable {
        case produce = 0
        case fetch = 1
        case metadata = 3
        case offsetCommit = 8
        case findCoordinator = 10
        case joinGroup = 11
        case heartbeat = 12
        case initProducerID = 22
        case addPartitionsToTransaction = 24
        case addOffsetsToTransaction = 25
        case endTransaction = 26
        case transactionOffsetCommit = 28
    }

    package init(brokers: Int32 = 1) throws(SettingsError) {
        handle = try ClientHandle(
            RD_KAFKA_PRODUCER, ClientSettings(properties: [:]), defaults: [:], overrides: [:],
            context: ClientContext(observer: ClientObserver(log: { _ in })))
        guard let cluster = rd_kafka_mock_cluster_new(handle.pointer, brokers),
            let bootstraps = rd_kafka_mock_cluster_bootstraps(cluster)
        else { throw .unusable(reason: "librdkafka cannot make its mock cluster") }
        self.cluster = cluster
        settings = ClientSettings(bootstrapServers: String(cString: bootstraps))
    }

    package func makeTopic(_ name: String, partitions: Int32 = 1) throws(KafkaError) {
        try check(rd_kafka_mock_topic_create(cluster, name, partitions, 1))
    }

    /// The next requests of this kind fail with these codes, one each, whichever broker they reach.
    package func fail(_ request: Request, with codes: [Int32]) {
        rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, codes.count, codes.map { rd_kafka_resp_err_t($0) })
    }

    /// The next requests of this kind to one broker fail with these codes, one each, and their answers take `delay`; code 0 is no failure, and
    /// -195 (`_TRANSPORT`) ends the connection instead. They come before those for all brokers.
    package func fail(_ request: Request, atBroker id: Int32, with codes: [Int32], delay: Duration = .zero) throws(KafkaError) {
        for code in codes { try check(mesh_mock_fail(cluster, id, request.rawValue, rd_kafka_resp_err_t(code), delay.rdMilliseconds)) }
    }

    /// How many of the failures for this kind of request at one broker have not been met yet.
    package func openFailures(_ request: Request, atBroker id: Int32) throws(KafkaError) -> Int {
        var count = 0
        try check(rd_kafka_mock_broker_error_stack_cnt(cluster, id, request.rawValue, &count))
        return count
    }

    /// Moves a partition to another broker; -1 leaves it without a leader. Its records go with it.
    package func setLeader(of partition: TopicPartition, to broker: Int32) throws(KafkaError) {
        try check(rd_kafka_mock_partition_set_leader(cluster, partition.topic, partition.partition, broker))
    }

    /// What has a coordinator.
    package enum Coordinated: Sendable {
        case group(String)
        case transaction(String)
    }

    /// Moves the coordinator of a group or of a transactional id to another broker. What it knows goes with it.
    package func setCoordinator(of coordinated: Coordinated, to broker: Int32) throws(KafkaError) {
        switch coordinated {
        case .group(let id): try check(rd_kafka_mock_coordinator_set(cluster, "group", id, broker))
        case .transaction(let id): try check(rd_kafka_mock_coordinator_set(cluster, "transaction", id, broker))
        }
    }

    /// How long a broker takes to answer from now on. Whole milliseconds. (Taking it down instead is no good with librdkafka 2.0.2: now and then a
    /// connection to it stays open without an answer, and it may find its port taken when it comes back, which ends the process.)
    package func setRoundTrip(ofBroker id: Int32, to duration: Duration) throws(KafkaError) {
        try check(rd_kafka_mock_broker_set_rtt(cluster, id, duration.rdMilliseconds))
    }

    /// Ends the imitation; nothing may be called afterwards.
    package func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // librdkafka aborts when the client goes first.
        rd_kafka_mock_cluster_destroy(cluster)
        handle.destroy(limit: .seconds(5))
    }

    deinit { close() }

    /// How many threads of librdkafka run in this process; 0 when every client is freed.
    package static var runningThreads: Int { Int(rd_kafka_thread_cnt()) }
}
