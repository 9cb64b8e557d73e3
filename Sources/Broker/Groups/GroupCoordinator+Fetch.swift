import KafkaProtocol

/// OffsetFetch.
extension GroupCoordinator {
    private typealias Topic = OffsetFetchResponse.OffsetFetchResponseGroup.OffsetFetchResponseTopics
    private typealias Partition = Topic.OffsetFetchResponsePartitions

    /// Answers when all that it tells of is durable.
    func fetch(_ request: OffsetFetchRequest, _ context: RequestContext, _ reply: @escaping (OffsetFetchResponse) -> Void) {
        var response = OffsetFetchResponse()
        if context.version >= 8 {
            var answered: Set<String> = []
            response.groups = request.groups.filter { answered.insert($0.groupId).inserted }.map { wanted in
                let topics = wanted.topics?.map { ($0.name, $0.partitionIndexes) }
                return answer(wanted.groupId, topics, isStable: request.requireStable, context)
            }
        } else {
            let topics = request.topics?.map { ($0.name, $0.partitionIndexes) }
            let group = answer(request.groupId, topics, isStable: request.requireStable, context)
            response.errorCode = group.errorCode
            response.topics = group.topics.map(Self.oldTopic)
            // Version 1 has no place for an error but the partitions.
            if context.version == 1, group.errorCode != 0 {
                response.topics = (topics ?? []).map { name, indexes in
                    Self.oldTopic(
                        Self.topic(
                            name, indexes.map { Self.partition($0, nil, ErrorCode(rawValue: group.errorCode) ?? .unknownServerError) }))
                }
            }
        }
        durability.answer(response, of: [.consumerOffsets], reply)
    }

    private func answer(_ groupID: String, _ topics: [(String, [Int32])]?, isStable: Bool, _ context: RequestContext)
        -> OffsetFetchResponse.OffsetFetchResponseGroup
    {
        var answer = OffsetFetchResponse.OffsetFetchResponseGroup()
        answer.groupId = groupID
        guard authorizer.allows(.describe, .group, groupID, context) else {
            answer.errorCode = ErrorCode.groupAuthorizationFailed.rawValue
            return answer
        }
        let group = groups[groupID]
        var answered: Set<TopicPartition> = []
        for (name, indexes) in topics ?? Self.all(group) {
            let isAllowed = authorizer.allows(.describe, .topic, name, context)
            // Of topics that were not named, those that may not be seen are not there.
            if !isAllowed, topics == nil { continue }
            let partitions = indexes.filter { answered.insert(TopicPartition(name, $0)).inserted }.map { index in
                guard isAllowed else { return Self.partition(index, nil, .topicAuthorizationFailed) }
                let partition = TopicPartition(name, index)
                if isStable, pending.isPending(groupID, partition) { return Self.partition(index, nil, .unstableOffsetCommit) }
                return Self.partition(index, group?.offsets[partition], .none)
            }
            answer.topics.append(Self.topic(name, partitions))
        }
        return answer
    }

    private static func all(_ group: Group?) -> [(String, [Int32])] {
        guard let group else { return [] }
        return Dictionary(grouping: group.offsets.keys, by: \.topic).map { ($0, $1.map(\.partition).sorted()) }.sorted { $0.0 < $1.0 }
    }

    private static func topic(_ name: String, _ partitions: [Partition]) -> Topic {
        var topic = Topic()
        topic.name = name
        topic.partitions = partitions
        return topic
    }

    private static func partition(_ index: Int32, _ offset: CommittedOffset?, _ error: ErrorCode) -> Partition {
        var partition = Partition()
        partition.partitionIndex = index
        partition.committedOffset = offset?.offset ?? -1
        partition.committedLeaderEpoch = offset?.leaderEpoch ?? -1
        partition.metadata = offset?.metadata ?? ""
        partition.errorCode = error.rawValue
        return partition
    }

    private static func oldTopic(_ topic: Topic) -> OffsetFetchResponse.OffsetFetchResponseTopic {
        var old = OffsetFetchResponse.OffsetFetchResponseTopic()
        old.name = topic.name
        old.partitions = topic.partitions.map { partition in
            var result = OffsetFetchResponse.OffsetFetchResponseTopic.OffsetFetchResponsePartition()
            result.partitionIndex = partition.partitionIndex
            result.committedOffset = partition.committedOffset
            result.committedLeaderEpoch = partition.committedLeaderEpoch
            result.metadata = partition.metadata
            result.errorCode = partition.errorCode
            return result
        }
        return old
    }
}
