import CRdKafka

/// What a cluster tells about itself.
public struct ClusterMetadata: Sendable, Equatable {
    public let brokers: [Broker]
    public let topics: [String: Topic]
    /// nil where the brokers tell none.
    public let clusterID: String?

    public struct Broker: Sendable, Equatable {
        public let id: Int32
        public let host: String
        public let port: Int32
    }
    public struct Topic: Sendable, Equatable {
        public let name: String
        public let partitions: [Partition]
        public let error: KafkaError?

        public init(name: String, partitions: [Partition], error: KafkaError?) {
            self.name = name
            self.partitions = partitions
            self.error = error
        }
    }
    public struct Partition: Sendable, Equatable {
        public let id: Int32
        /// -1 when there is none at the moment.
        public let leader: Int32
        public let replicas: [Int32]
        public let inSyncReplicas: [Int32]
        public let error: KafkaError?

        public init(id: Int32, leader: Int32, replicas: [Int32], inSyncReplicas: [Int32], error: KafkaError?) {
            self.id = id
            self.leader = leader
            self.replicas = replicas
            self.inSyncReplicas = inSyncReplicas
            self.error = error
        }
    }

    public init(brokers: [Broker], topics: [String: Topic], clusterID: String?) {
        self.brokers = brokers
        self.topics = topics
        self.clusterID = clusterID
    }
}

extension AdminClient {
    /// Brokers, topics and partitions. `topic` limits it to one; one that does not exist then has an error.
    public func metadata(topic: String? = nil, timeout: Duration = standardTimeout) throws(KafkaError) -> ClusterMetadata {
        try ClusterMetadata(asking: handle, topic, timeout)
    }
}

extension Consumer {
    /// Brokers, topics and partitions. `topic` limits it to one; one that does not exist then has an error.
    public func metadata(topic: String? = nil, timeout: Duration = .seconds(15)) throws(KafkaError) -> ClusterMetadata {
        try ClusterMetadata(asking: handle, topic, timeout)
    }
}

extension ClusterMetadata {
    fileprivate init(asking handle: ClientHandle, _ topic: String?, _ timeout: Duration) throws(KafkaError) {
        let only = topic.flatMap { rd_kafka_topic_new(handle.pointer, $0, nil) }
        defer { if let only { rd_kafka_topic_destroy(only) } }
        var result: UnsafePointer<rd_kafka_metadata>?
        let deadline = Deadline(after: timeout)
        try check(rd_kafka_metadata(handle.pointer, topic == nil ? 1 : 0, only, &result, timeout.rdMilliseconds), "metadata")
        guard let result else { throw KafkaError(RD_KAFKA_RESP_ERR__BAD_MSG, "metadata: the answer is empty") }
        defer { rd_kafka_metadata_destroy(result) }
        let topics = UnsafeBufferPointer(start: result.pointee.topics, count: Int(result.pointee.topic_cnt))
            .map(ClusterMetadata.Topic.init(reading:))
        let brokers = UnsafeBufferPointer(start: result.pointee.brokers, count: Int(result.pointee.broker_cnt))
            .map { ClusterMetadata.Broker(id: $0.id, host: String(cString: $0.host), port: $0.port) }
        self.init(
            brokers: brokers, topics: Dictionary(topics.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }),
            clusterID: Self.clusterID(handle, deadline.remaining))
    }

    private static func clusterID(_ handle: ClientHandle, _ timeout: Duration) -> String? {
        guard let id = rd_kafka_clusterid(handle.pointer, timeout.rdMilliseconds) else { return nil }
        defer { rd_kafka_mem_free(handle.pointer, id) }
        return String(cString: id)
    }
}

extension ClusterMetadata.Topic {
    fileprivate init(reading topic: rd_kafka_metadata_topic) {
        self.init(
            name: String(cString: topic.topic),
            partitions: UnsafeBufferPointer(start: topic.partitions, count: Int(topic.partition_cnt))
                .map(ClusterMetadata.Partition.init(reading:)).sorted { $0.id < $1.id },
            error: failure(topic.err))
    }
}

extension ClusterMetadata.Partition {
    fileprivate init(reading partition: rd_kafka_metadata_partition) {
        self.init(
            id: partition.id, leader: partition.leader,
            replicas: Array(UnsafeBufferPointer(start: partition.replicas, count: Int(partition.replica_cnt))),
            inSyncReplicas: Array(UnsafeBufferPointer(start: partition.isrs, count: Int(partition.isr_cnt))), error: failure(partition.err))
    }
}

private func failure(_ code: rd_kafka_resp_err_t) -> KafkaError? { code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(code) }
