import KafkaProtocol

extension TopicAPI {
    func createPartitions(_ request: CreatePartitionsRequest, _ context: RequestContext) -> CreatePartitionsResponse {
        let repeated = Self.repeated(request.topics.map(\.name))
        var answered: Set<String> = []
        var response = CreatePartitionsResponse()
        for topic in request.topics where answered.insert(topic.name).inserted {
            var result = CreatePartitionsResponse.CreatePartitionsTopicResult()
            result.name = topic.name
            do throws(ResourceError) {
                guard !repeated.contains(topic.name) else { throw ResourceError(.invalidRequest, "Duplicate topic name.") }
                try grow(topic, validateOnly: request.validateOnly, context)
            } catch {
                result.errorCode = error.code.rawValue
                result.errorMessage = error.message
            }
            response.results.append(result)
        }
        return response
    }

    private func grow(_ asked: CreatePartitionsRequest.CreatePartitionsTopic, validateOnly: Bool, _ context: RequestContext)
        throws(ResourceError)
    {
        guard allows(.alter, topic: asked.name, context) else { throw ResourceError(.topicAuthorizationFailed, "Authorization failed.") }
        guard let topic = registry.topic(named: asked.name) else {
            throw ResourceError(.unknownTopicOrPartition, "This server does not host this topic-partition.")
        }
        guard !topic.isInternal else {
            throw ResourceError(.invalidTopic, "The broker keeps its state in \(topic.name), in one partition.")
        }
        let count = topic.partitionCount
        guard asked.count != count else { throw ResourceError(.invalidPartitions, "Topic already has \(count) partition(s).") }
        guard asked.count > count else {
            throw ResourceError(
                .invalidPartitions, "The topic \(topic.name) currently has \(count) partition(s); \(asked.count) would not be an increase.")
        }
        if let assignments = asked.assignments {
            guard assignments.count == asked.count - count else {
                throw ResourceError(
                    .invalidReplicaAssignment, "\(asked.count - count) partition(s) would be added, and \(assignments.count) are assigned.")
            }
            for (index, assignment) in assignments.enumerated() {
                try NewTopic.checkReplicas(assignment.brokerIds, of: count + Int32(index))
            }
        }
        try NewTopic.checkLimit(adding: asked.count - count, to: registry)
        if !validateOnly { try registry.grow(topic, to: asked.count) }
    }
}
