import KafkaProtocol

/// Answers the requests about topics, their configurations and the cluster. On the broker's thread.
final class TopicAPI {
    /// What Metadata and DescribeCluster tell clients.
    var endpoint: BrokerEndpoint
    let registry: TopicRegistry
    let authorizer: any Authorizer
    let durability: any Durability

    init(registry: TopicRegistry, authorizer: any Authorizer, durability: any Durability, endpoint: BrokerEndpoint) {
        self.registry = registry
        self.authorizer = authorizer
        self.durability = durability
        self.endpoint = endpoint
    }

    func register(in dispatcher: inout Dispatcher) {
        dispatcher.on(MetadataRequest.self) { [self] request, context, reply in
            let before = registry.count
            let response = metadata(request, context)
            guard registry.count == before else { return durability.answer(response, of: [.clusterMetadata], reply) }
            reply(response)
        }
        dispatcher.on(CreateTopicsRequest.self) { [self] request, context, reply in
            let response = createTopics(request, context)
            durability.answer(response, of: [.clusterMetadata], reply)
        }
        dispatcher.on(DeleteTopicsRequest.self) { [self] request, context, reply in
            let response = deleteTopics(request, context)
            durability.answer(response, of: [.clusterMetadata], reply)
        }
        dispatcher.on(CreatePartitionsRequest.self) { [self] request, context, reply in
            let response = createPartitions(request, context)
            durability.answer(response, of: [.clusterMetadata], reply)
        }
        dispatcher.on(DescribeClusterRequest.self) { [self] request, context in describeCluster(request, context) }
    }

    func allows(_ operation: ACLOperation, topic: String, _ context: RequestContext) -> Bool {
        authorizer.allows(operation, .topic, topic, context)
    }

    /// Names that come more than once.
    static func repeated<Key: Hashable>(_ keys: some Sequence<Key>) -> Set<Key> {
        var seen: Set<Key> = []
        var repeated: Set<Key> = []
        for key in keys where !seen.insert(key).inserted { repeated.insert(key) }
        return repeated
    }
}
