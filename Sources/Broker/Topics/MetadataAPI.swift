import KafkaProtocol

extension TopicAPI {
    func metadata(_ request: MetadataRequest, _ context: RequestContext) -> MetadataResponse {
        var response = MetadataResponse()
        var broker = MetadataResponse.MetadataResponseBroker()
        broker.nodeId = BrokerEndpoint.nodeID
        broker.host = endpoint.host
        broker.port = endpoint.port
        response.brokers = [broker]
        response.clusterId = registry.clusterID
        response.controllerId = BrokerEndpoint.nodeID
        response.topics = MetadataAnswer(api: self, request: request, context: context).topics()
        if request.includeClusterAuthorizedOperations {
            response.clusterAuthorizedOperations =
                authorizer.allowsCluster(.describe, context) ? authorizer.authorizedOperations(.cluster, clusterResourceName, context) : 0
        }
        return response
    }

    func describeCluster(_ request: DescribeClusterRequest, _ context: RequestContext) -> DescribeClusterResponse {
        var response = DescribeClusterResponse()
        response.clusterId = registry.clusterID
        response.endpointType = request.endpointType
        guard request.endpointType == 1 else {
            response.errorCode = ErrorCode.unsupportedEndpointType.rawValue
            response.errorMessage = "This broker tells endpoints of brokers only (type 1)."
            return response
        }
        response.controllerId = BrokerEndpoint.nodeID
        var broker = DescribeClusterResponse.DescribeClusterBroker()
        broker.brokerId = BrokerEndpoint.nodeID
        broker.host = endpoint.host
        broker.port = endpoint.port
        response.brokers = [broker]
        if request.includeClusterAuthorizedOperations {
            response.clusterAuthorizedOperations =
                authorizer.allowsCluster(.describe, context) ? authorizer.authorizedOperations(.cluster, clusterResourceName, context) : 0
        }
        return response
    }
}

/// Finds or makes the topics that one Metadata request asks for.
private struct MetadataAnswer {
    typealias Answer = MetadataResponse.MetadataResponseTopic

    let api: TopicAPI
    let request: MetadataRequest
    let context: RequestContext

    func topics() -> [Answer] {
        // Version 0 asks for all topics with an empty list, later ones with null.
        guard let asked = request.topics, !(asked.isEmpty && context.version == 0) else {
            return api.registry.topics.filter { api.allows(.describe, topic: $0.name, context) }.map(found)
        }
        var seen: Set<String> = []
        var seenIDs: Set<WireUUID> = []
        return asked.compactMap { topic in
            if !topic.topicId.isZero { return seenIDs.insert(topic.topicId).inserted ? byID(topic) : nil }
            guard let name = topic.name else { return failed(nil, .invalidRequest) }
            return seen.insert(name).inserted ? byName(name) : nil
        }
    }

    private func byID(_ asked: MetadataRequest.MetadataRequestTopic) -> Answer {
        // Answers before version 12 cannot leave the name out.
        guard context.version >= 12 else { return failed(asked.name ?? "", .invalidRequest, id: asked.topicId) }
        guard let topic = api.registry.topic(id: asked.topicId) else { return failed(nil, .unknownTopicID, id: asked.topicId) }
        guard api.allows(.describe, topic: topic.name, context) else { return failed(nil, .topicAuthorizationFailed, id: asked.topicId) }
        return found(topic)
    }

    private func byName(_ name: String) -> Answer {
        guard api.allows(.describe, topic: name, context) else { return failed(name, .topicAuthorizationFailed) }
        if let topic = api.registry.topic(named: name) { return found(topic) }
        guard request.allowAutoTopicCreation, api.registry.configuration.autoCreateTopicsEnable else {
            return failed(name, TopicName.fault(name) == nil ? .unknownTopicOrPartition : .invalidTopic)
        }
        guard api.authorizer.allowsCluster(.create, context) || api.allows(.create, topic: name, context) else {
            return failed(name, .topicAuthorizationFailed)
        }
        do {
            return found(try NewTopic(name, in: api.registry).create(in: api.registry))
        } catch {
            return failed(name, error.code)
        }
    }

    private func failed(_ name: String?, _ error: ErrorCode, id: WireUUID = WireUUID()) -> Answer {
        var answer = Answer()
        answer.errorCode = error.rawValue
        answer.name = context.version >= 12 ? name : name ?? ""
        answer.topicId = id
        answer.isInternal = name.map(TopicName.isInternal) ?? false
        return answer
    }

    private func found(_ topic: Topic) -> Answer {
        var answer = Answer()
        answer.name = topic.name
        answer.topicId = topic.id
        answer.isInternal = topic.isInternal
        answer.partitions = (0..<topic.partitionCount).map { index in
            var partition = Answer.MetadataResponsePartition()
            partition.partitionIndex = index
            partition.leaderId = BrokerEndpoint.nodeID
            partition.leaderEpoch = 0
            partition.replicaNodes = [BrokerEndpoint.nodeID]
            partition.isrNodes = [BrokerEndpoint.nodeID]
            return partition
        }
        if request.includeTopicAuthorizedOperations {
            answer.topicAuthorizedOperations = api.authorizer.authorizedOperations(.topic, topic.name, context)
        }
        return answer
    }
}
