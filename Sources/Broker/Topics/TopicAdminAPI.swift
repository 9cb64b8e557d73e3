import KafkaProtocol

extension TopicAPI {
    func createTopics(_ request: CreateTopicsRequest, _ context: RequestContext) -> CreateTopicsResponse {
        let repeated = Self.repeated(request.topics.map(\.name))
        let mayAll = authorizer.allowsCluster(.create, context)
        var response = CreateTopicsResponse()
        var answered: Set<String> = []
        for topic in request.topics where answered.insert(topic.name).inserted {
            var result = CreateTopicsResponse.CreatableTopicResult()
            result.name = topic.name
            do throws(ResourceError) {
                guard !repeated.contains(topic.name) else { throw ResourceError(.invalidRequest, "Duplicate topic name.") }
                guard mayAll || allows(.create, topic: topic.name, context) else {
                    throw ResourceError(.topicAuthorizationFailed, "Authorization failed.")
                }
                try createTopic(topic, validateOnly: request.validateOnly, context, &result)
            } catch {
                result.errorCode = error.code.rawValue
                result.errorMessage = error.message
                result.configs = []
            }
            response.topics.append(result)
        }
        return response
    }

    private func createTopic(
        _ topic: CreateTopicsRequest.CreatableTopic, validateOnly: Bool, _ context: RequestContext,
        _ result: inout CreateTopicsResponse.CreatableTopicResult
    ) throws(ResourceError) {
        let new = try NewTopic(topic, in: registry)
        if !validateOnly { result.topicId = try new.create(in: registry).id }
        result.configs = []
        // Whoever may not see the configuration gets a number of partitions that says so.
        guard allows(.describeConfigs, topic: topic.name, context) else { return }
        result.numPartitions = new.partitions
        result.replicationFactor = 1
        result.configs = ConfigEntry.topic(new.settings, overrides: new.overrides, broker: registry.configuration).map { entry in
            var config = CreateTopicsResponse.CreatableTopicResult.CreatableTopicConfigs()
            config.name = entry.name
            config.value = entry.value
            config.readOnly = entry.isReadOnly
            config.configSource = entry.source.rawValue
            return config
        }
    }

    func deleteTopics(_ request: DeleteTopicsRequest, _ context: RequestContext) -> DeleteTopicsResponse {
        typealias Asked = DeleteTopicsRequest.DeleteTopicState
        let asked =
            context.version >= 6
            ? request.topics
            : request.topicNames.map { name in
                var topic = Asked()
                topic.name = name
                return topic
            }
        let names = Self.repeated(asked.compactMap(\.name))
        let ids = Self.repeated(asked.map(\.topicId).filter { !$0.isZero })
        var answered: Set<TopicKey> = []
        var response = DeleteTopicsResponse()
        for topic in asked where answered.insert(TopicKey(name: topic.name, id: topic.topicId)).inserted {
            var result = DeleteTopicsResponse.DeletableTopicResult()
            result.name = topic.name
            result.topicId = topic.topicId
            do throws(ResourceError) {
                if topic.name.map(names.contains) ?? false { throw ResourceError(.invalidRequest, "Duplicate topic name.") }
                if ids.contains(topic.topicId) { throw ResourceError(.invalidRequest, "Duplicate topic id.") }
                try deleteTopic(topic, context, &result)
            } catch {
                result.errorCode = error.code.rawValue
                result.errorMessage = error.message
            }
            response.responses.append(result)
        }
        return response
    }

    private struct TopicKey: Hashable {
        let name: String?
        let id: WireUUID
    }

    private func deleteTopic(
        _ asked: DeleteTopicsRequest.DeleteTopicState, _ context: RequestContext, _ result: inout DeleteTopicsResponse.DeletableTopicResult
    ) throws(ResourceError) {
        guard registry.configuration.deleteTopicEnable else {
            throw ResourceError(
                context.version < 3 ? .invalidRequest : .topicDeletionDisabled, "Topic deletion is disabled (delete.topic.enable).")
        }
        let topic = try topicToDelete(asked, context)
        result.name = topic.name
        result.topicId = topic.id
        guard allows(.delete, topic: topic.name, context) else { throw ResourceError(.topicAuthorizationFailed, "Authorization failed.") }
        guard !topic.isInternal else { throw ResourceError(.invalidTopic, "The broker keeps its state in \(topic.name).") }
        try registry.delete(topic)
    }

    private func topicToDelete(_ asked: DeleteTopicsRequest.DeleteTopicState, _ context: RequestContext) throws(ResourceError) -> Topic {
        switch (asked.name, asked.topicId.isZero) {
        case (nil, true): throw ResourceError(.invalidRequest, "Neither topic name nor id were specified.")
        case (_?, false): throw ResourceError(.invalidRequest, "You may not specify both topic name and topic id.")
        case (let name?, true):
            guard allows(.describe, topic: name, context) else { throw ResourceError(.topicAuthorizationFailed, "Authorization failed.") }
            guard let topic = registry.topic(named: name) else {
                throw ResourceError(.unknownTopicOrPartition, "This server does not host this topic-partition.")
            }
            return topic
        case (nil, false):
            guard let topic = registry.topic(id: asked.topicId) else {
                throw ResourceError(.unknownTopicID, "This server does not host this topic ID.")
            }
            guard allows(.describe, topic: topic.name, context) else {
                throw ResourceError(.topicAuthorizationFailed, "Authorization failed.")
            }
            return topic
        }
    }
}
