import KafkaProtocol

@testable import Broker

extension GroupWorld {
    /// Commits offsets of topic `t` by partition.
    func commit(
        _ offsets: [Int32: Int64], member: String = "", generation: Int32 = -1, group: String = "g", instance: String? = nil,
        topic: String = "t",
        metadata: String? = "m", retention: Int64 = -1, version: Int16 = 9
    ) -> GroupAnswer<[ErrorCode?]> {
        var request = OffsetCommitRequest()
        request.groupId = group
        request.memberId = member
        request.generationIdOrMemberEpoch = generation
        request.groupInstanceId = instance
        request.retentionTimeMs = retention
        var item = OffsetCommitRequest.OffsetCommitRequestTopic()
        item.name = topic
        item.partitions = offsets.sorted { $0.key < $1.key }.map { index, offset in
            var partition = OffsetCommitRequest.OffsetCommitRequestTopic.OffsetCommitRequestPartition()
            partition.partitionIndex = index
            partition.committedOffset = offset
            partition.committedLeaderEpoch = 3
            partition.committedMetadata = metadata
            return partition
        }
        request.topics = [item]
        let answer = GroupAnswer<[ErrorCode?]>()
        coordinator.commit(request, context(version)) { response in
            answer(response.topics.flatMap { $0.partitions.map { ErrorCode(rawValue: $0.errorCode) } })
        }
        return answer
    }

    func commitInTransaction(
        _ offsets: [Int32: Int64], producer: Int64 = 7, epoch: Int16 = 0, member: String = "", generation: Int32 = -1, group: String = "g",
        version: Int16 = 4
    ) -> GroupAnswer<[ErrorCode?]> {
        var request = TxnOffsetCommitRequest()
        request.transactionalId = "x"
        request.groupId = group
        request.producerId = producer
        request.producerEpoch = epoch
        request.memberId = member
        request.generationId = generation
        var item = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic()
        item.name = "t"
        item.partitions = offsets.sorted { $0.key < $1.key }.map { index, offset in
            var partition = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic.TxnOffsetCommitRequestPartition()
            partition.partitionIndex = index
            partition.committedOffset = offset
            return partition
        }
        request.topics = [item]
        let answer = GroupAnswer<[ErrorCode?]>()
        coordinator.commitInTransaction(request, context(version)) { response in
            answer(response.topics.flatMap { $0.partitions.map { ErrorCode(rawValue: $0.errorCode) } })
        }
        return answer
    }

    /// What OffsetFetch says of these partitions of topic `t`, or of all that the group has.
    func fetch(_ partitions: [Int32]? = [0], group: String = "g", isStable: Bool = false, version: Int16 = 9) -> GroupAnswer<
        OffsetFetchResponse
    > {
        var request = OffsetFetchRequest()
        request.requireStable = isStable
        request.groupId = group
        request.topics = partitions.map { indexes in
            var topic = OffsetFetchRequest.OffsetFetchRequestTopic()
            topic.name = "t"
            topic.partitionIndexes = indexes
            return [topic]
        }
        var wanted = OffsetFetchRequest.OffsetFetchRequestGroup()
        wanted.groupId = group
        wanted.topics = partitions.map { indexes in
            var topic = OffsetFetchRequest.OffsetFetchRequestGroup.OffsetFetchRequestTopics()
            topic.name = "t"
            topic.partitionIndexes = indexes
            return [topic]
        }
        request.groups = [wanted]
        let answer = GroupAnswer<OffsetFetchResponse>()
        coordinator.fetch(request, context(version)) { answer($0) }
        return answer
    }

    /// The committed offset of a partition of topic `t`; -1 for none.
    func offset(_ partition: Int32 = 0, group: String = "g") -> Int64? {
        fetch([partition], group: group).value?.groups.first?.topics.first?.partitions.first?.committedOffset
    }

    func isUnstable(_ partition: Int32 = 0) -> Bool {
        let code = fetch([partition], isStable: true).value?.groups.first?.topics.first?.partitions.first?.errorCode
        return code == ErrorCode.unstableOffsetCommit.rawValue
    }
}
