import KafkaProtocol

/// What a configuration belongs to, with the numbers of the protocol.
enum ConfigResourceType: Int8 {
    case topic = 2
    case broker = 4
}

/// Answers the requests about configurations. On the broker's thread.
final class ConfigAPI {
    let registry: TopicRegistry
    let authorizer: any Authorizer
    private let durability: any Durability

    init(registry: TopicRegistry, authorizer: any Authorizer, durability: any Durability) {
        self.registry = registry
        self.authorizer = authorizer
        self.durability = durability
    }

    func register(in dispatcher: inout Dispatcher) {
        dispatcher.on(DescribeConfigsRequest.self) { [self] request, context in describe(request, context) }
        dispatcher.on(AlterConfigsRequest.self) { [self] request, context, reply in
            let response = alter(request, context)
            durability.answer(response, of: [.clusterMetadata], reply)
        }
        dispatcher.on(IncrementalAlterConfigsRequest.self) { [self] request, context, reply in
            let response = alterIncrementally(request, context)
            durability.answer(response, of: [.clusterMetadata], reply)
        }
    }

    /// The topic that may be configured so.
    func topic(_ name: String, for operation: ACLOperation, _ context: RequestContext) throws(ResourceError) -> Topic {
        guard authorizer.allows(operation, .topic, name, context) else {
            throw ResourceError(.topicAuthorizationFailed, "Topic authorization failed.")
        }
        if let fault = TopicName.fault(name) { throw ResourceError(.invalidTopic, fault) }
        guard let topic = registry.topic(named: name) else {
            throw ResourceError(.unknownTopicOrPartition, "The topic '\(name)' does not exist.")
        }
        return topic
    }

    /// - Parameter name: empty for all brokers.
    func checkBroker(_ name: String, for operation: ACLOperation, _ context: RequestContext) throws(ResourceError) {
        guard authorizer.allowsCluster(operation, context) else {
            throw ResourceError(.clusterAuthorizationFailed, "Cluster authorization failed.")
        }
        guard name.isEmpty || name == String(BrokerEndpoint.nodeID) else {
            throw ResourceError(
                .invalidRequest, "Unexpected broker id, expected \(BrokerEndpoint.nodeID) or empty string, but received \(name)")
        }
    }

    func resourceType(_ number: Int8) throws(ResourceError) -> ConfigResourceType {
        guard let type = ConfigResourceType(rawValue: number) else {
            throw ResourceError(.invalidRequest, "Resources of type \(number) have no configuration on this broker.")
        }
        return type
    }
}

extension ConfigAPI {
    private struct ResourceKey: Hashable {
        let type: Int8
        let name: String
    }

    func describe(_ request: DescribeConfigsRequest, _ context: RequestContext) -> DescribeConfigsResponse {
        var response = DescribeConfigsResponse()
        var answered: Set<ResourceKey> = []
        for resource in request.resources
        where answered.insert(ResourceKey(type: resource.resourceType, name: resource.resourceName)).inserted {
            var result = DescribeConfigsResponse.DescribeConfigsResult()
            result.resourceType = resource.resourceType
            result.resourceName = resource.resourceName
            do throws(ResourceError) {
                let asked = Set(resource.configurationKeys ?? [])
                result.configs = try entries(resource, context).filter { asked.isEmpty || asked.contains($0.name) }.map { entry in
                    described(entry, request)
                }
            } catch {
                result.errorCode = error.code.rawValue
                result.errorMessage = error.message
            }
            response.results.append(result)
        }
        return response
    }

    private func entries(
        _ resource: DescribeConfigsRequest.DescribeConfigsResource, _ context: RequestContext
    ) throws(ResourceError) -> [ConfigEntry] {
        switch try resourceType(resource.resourceType) {
        case .topic:
            let topic = try topic(resource.resourceName, for: .describeConfigs, context)
            return ConfigEntry.topic(topic.settings, overrides: topic.overrides, broker: registry.configuration)
        case .broker:
            try checkBroker(resource.resourceName, for: .describeConfigs, context)
            // What was set for all brokers while they ran: nothing can be.
            return resource.resourceName.isEmpty ? [] : ConfigEntry.broker(registry.configuration)
        }
    }

    private func described(
        _ entry: ConfigEntry, _ request: DescribeConfigsRequest
    ) -> DescribeConfigsResponse.DescribeConfigsResult.DescribeConfigsResourceResult {
        typealias Answer = DescribeConfigsResponse.DescribeConfigsResult.DescribeConfigsResourceResult
        var answer = Answer()
        answer.name = entry.name
        answer.value = entry.value
        answer.readOnly = entry.isReadOnly
        answer.configSource = entry.source.rawValue
        answer.configType = entry.type.rawValue
        if request.includeDocumentation { answer.documentation = entry.documentation }
        guard request.includeSynonyms else { return answer }
        answer.synonyms = entry.synonyms.map { synonym in
            var told = Answer.DescribeConfigsSynonym()
            told.name = synonym.name
            told.value = synonym.value
            told.source = synonym.source.rawValue
            return told
        }
        return answer
    }
}
