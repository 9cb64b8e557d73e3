import KafkaProtocol

/// A topic that can be made: everything about it is checked.
struct NewTopic {
    let name: String
    let partitions: Int32
    let overrides: [String: String]
    let settings: TopicSettings

    /// A topic with defaults in all.
    init(_ name: String, in registry: TopicRegistry) throws(ResourceError) {
        var request = CreateTopicsRequest.CreatableTopic()
        request.name = name
        request.numPartitions = -1
        request.replicationFactor = -1
        self = try NewTopic(request, in: registry)
    }

    init(_ request: CreateTopicsRequest.CreatableTopic, in registry: TopicRegistry) throws(ResourceError) {
        name = request.name
        try Self.checkName(name, registry)
        partitions = try Self.partitions(request, default: registry.configuration.numPartitions)
        overrides = try Self.overrides(request.configs)
        settings = try registry.settings(overrides)
        try Self.checkLimit(adding: partitions, to: registry)
    }

    func create(in registry: TopicRegistry) throws(ResourceError) -> Topic {
        try registry.create(name, partitions: partitions, overrides: overrides)
    }

    /// - Throws: when so many more partitions would be too many for the broker.
    static func checkLimit(adding count: Int32, to registry: TopicRegistry) throws(ResourceError) {
        let limit = Int(registry.configuration.maxPartitions)
        guard registry.partitionCount + Int(count) <= limit else {
            throw ResourceError(
                .policyViolation,
                "The broker has \(registry.partitionCount) partitions and would have \(count) more; its limit max.partitions is \(limit).")
        }
    }

    private static func checkName(_ name: String, _ registry: TopicRegistry) throws(ResourceError) {
        if let fault = TopicName.fault(name) { throw ResourceError(.invalidTopic, fault) }
        if name == TopicName.clusterMetadata { throw ResourceError(.invalidTopic, "The broker keeps \(name) for itself.") }
        if registry.topic(named: name) != nil { throw ResourceError(.topicAlreadyExists, "Topic '\(name)' already exists.") }
        if let other = registry.collision(with: name) {
            throw ResourceError(
                .invalidTopic,
                "Topic '\(name)' collides with existing topic '\(other)': names that differ only in '.' and '_' are one in metrics.")
        }
    }

    private static func partitions(_ request: CreateTopicsRequest.CreatableTopic, default count: Int32) throws(ResourceError) -> Int32 {
        guard request.assignments.isEmpty else { return try assigned(request) }
        switch request.replicationFactor {
        case -1, 1: break
        case ...0:
            throw ResourceError(.invalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
        default:
            throw ResourceError(
                .invalidReplicationFactor,
                "The replication factor of \(request.replicationFactor) cannot be reached: there is one broker. Use 1, or -1 for the default."
            )
        }
        switch request.numPartitions {
        case -1: return count
        case 1...: return request.numPartitions
        default: throw ResourceError(.invalidPartitions, "Number of partitions must be larger than 0, or -1 to use the default value.")
        }
    }

    private static func assigned(_ request: CreateTopicsRequest.CreatableTopic) throws(ResourceError) -> Int32 {
        guard request.replicationFactor == -1 else {
            throw ResourceError(.invalidRequest, "Partitions are assigned by hand: the replication factor must be -1 then.")
        }
        guard request.numPartitions == -1 else {
            throw ResourceError(.invalidRequest, "Partitions are assigned by hand: the number of partitions must be -1 then.")
        }
        var seen: Set<Int32> = []
        for assignment in request.assignments {
            guard seen.insert(assignment.partitionIndex).inserted else {
                throw ResourceError(.invalidReplicaAssignment, "Partition \(assignment.partitionIndex) is assigned more than once.")
            }
            try checkReplicas(assignment.brokerIds, of: assignment.partitionIndex)
        }
        guard seen.allSatisfy({ (0..<Int32(seen.count)).contains($0) }) else {
            throw ResourceError(.invalidReplicaAssignment, "Assigned partitions must be 0, 1, 2 and so on without gaps.")
        }
        return Int32(seen.count)
    }

    static func checkReplicas(_ brokers: [Int32], of partition: Int32) throws(ResourceError) {
        guard brokers == [BrokerEndpoint.nodeID] else {
            throw ResourceError(
                .invalidReplicaAssignment,
                "Partition \(partition) is assigned to brokers \(brokers); the only broker is \(BrokerEndpoint.nodeID), and it holds one replica."
            )
        }
    }

    private static func overrides(_ configs: [CreateTopicsRequest.CreatableTopic.CreatableTopicConfig]) throws(ResourceError) -> [String:
        String]
    {
        var overrides: [String: String] = [:]
        for config in configs {
            guard let value = config.value else {
                throw ResourceError(.invalidConfig, "Null value not supported for topic configs: \(config.name)")
            }
            guard overrides.updateValue(value, forKey: config.name) == nil else {
                throw ResourceError(.invalidConfig, "Topic config \(config.name) is named more than once.")
            }
        }
        return overrides
    }
}
