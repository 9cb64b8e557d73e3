import KafkaProtocol

/// DeleteGroups and OffsetDelete, and what goes by itself.
extension GroupCoordinator {
    /// Records of one batch: it has to fit into the log.
    static let batchSize = 1_000
    /// Groups that are looked through in one go.
    private static let sliceSize = 500

    func delete(_ request: DeleteGroupsRequest, _ context: RequestContext, _ reply: @escaping (DeleteGroupsResponse) -> Void) {
        var response = DeleteGroupsResponse()
        response.results = request.groupsNames.map { id in
            var result = DeleteGroupsResponse.DeletableGroupResult()
            result.groupId = id
            do throws(ErrorCode) {
                guard authorizer.allows(.delete, .group, id, context) else { throw .groupAuthorizationFailed }
                guard let group = groups[id] else { throw .groupIDNotFound }
                guard group.state == .empty else { throw .nonEmptyGroup }
                try delete(group)
            } catch {
                result.errorCode = Self.answer(toGroup: error).rawValue
            }
            return result
        }
        durability.answer(response, of: [.consumerOffsets], reply)
    }

    private func delete(_ group: Group) throws(ErrorCode) {
        try remove(partitions(of: group), from: group)
        var key = GroupMetadataKey()
        key.group = group.id
        if group.isRecorded { try log.append([GroupRecord.group(key, nil).stateRecord]) }
        forget(group)
    }

    func deleteOffsets(_ request: OffsetDeleteRequest, _ context: RequestContext, _ reply: @escaping (OffsetDeleteResponse) -> Void) {
        var response = OffsetDeleteResponse()
        do throws(ErrorCode) {
            guard authorizer.allows(.delete, .group, request.groupId, context) else { throw .groupAuthorizationFailed }
            guard let group = groups[request.groupId] else { throw .groupIDNotFound }
            // Only of consumers it is known what they read.
            if group.state != .empty, !group.isConsumerGroup { throw .nonEmptyGroup }
            var removed: [TopicPartition] = []
            for topic in request.topics {
                var answer = OffsetDeleteResponse.OffsetDeleteResponseTopic()
                answer.name = topic.name
                let isAllowed = authorizer.allows(.read, .topic, topic.name, context)
                let isRead = group.state != .empty && group.subscribedTopics?.contains(topic.name) ?? true
                answer.partitions = topic.partitions.map { item in
                    let partition = TopicPartition(topic.name, item.partitionIndex)
                    var result = OffsetDeleteResponse.OffsetDeleteResponseTopic.OffsetDeleteResponsePartition()
                    result.partitionIndex = item.partitionIndex
                    if !isAllowed {
                        result.errorCode = ErrorCode.topicAuthorizationFailed.rawValue
                    } else if !hooks.partitionExists(partition) {
                        result.errorCode = ErrorCode.unknownTopicOrPartition.rawValue
                    } else if isRead {
                        result.errorCode = ErrorCode.groupSubscribedToTopic.rawValue
                    } else if group.offsets[partition] != nil || pending.isPending(group.id, partition) {
                        removed.append(partition)
                    }
                    return result
                }
                response.topics.append(answer)
            }
            try remove(removed, from: group)
        } catch {
            response.errorCode = Self.answer(toGroup: error).rawValue
            response.topics = []
        }
        durability.answer(response, of: [.consumerOffsets], reply)
    }

    private func remove(_ partitions: [TopicPartition], from group: Group) throws(ErrorCode) {
        for start in stride(from: 0, to: partitions.count, by: Self.batchSize) {
            let batch = partitions[start..<min(start + Self.batchSize, partitions.count)]
            try log.append(batch.map { GroupRecord.offset(Self.key(group.id, $0), nil).stateRecord })
            for partition in batch { apply(group, partition, nil, nil) }
        }
    }

    /// The offsets of a topic that is gone go too: one of the same name that comes later has other records.
    func topicDeleted(_ topic: String) {
        for group in groups.values {
            drop(partitions(of: group).filter { $0.topic == topic }, from: group)
        }
    }

    /// Removes offsets of partitions that are no more. When the log does not take that, it holds in memory, and the next start does it again unless a topic of
    /// that name was made meanwhile.
    private func drop(_ partitions: [TopicPartition], from group: Group) {
        do throws(ErrorCode) { try remove(partitions, from: group) } catch {
            let topics = Set(partitions.map(\.topic)).sorted().joined(separator: ", ")
            hooks.report("that the offsets of \(topics) are removed from group \(group.id) cannot be written yet: \(error)")
            for partition in partitions { apply(group, partition, nil, nil) }
        }
    }

    /// For the start: the removal of a topic's offsets may be lost in a power cut that its deletion has survived.
    func dropOffsetsOfNoPartition() {
        for group in groups.values {
            let gone = partitions(of: group).filter { !hooks.partitionExists($0) }
            guard !gone.isEmpty else { continue }
            let topics = Set(gone.map(\.topic)).sorted().joined(separator: ", ")
            hooks.report("group \(group.id) had offsets of partitions that are gone, of \(topics); they are removed")
            drop(gone, from: group)
        }
    }

    /// All that the group has an offset of, also in transactions that have not ended.
    private func partitions(of group: Group) -> [TopicPartition] { Array(Set(group.offsets.keys).union(pending.partitions(group.id))) }

    // MARK: Retention

    func startRetention() {
        retention.set(after: settings.retentionCheckIntervalMs) { [unowned self] in
            epochs.expire(before: scheduler.wallClock - settings.producerExpirationMs) { pending.transactions[$0] != nil }
            expire(ArraySlice(groups.keys.sorted()))
        }
    }

    /// Some groups now, the rest in the next turn, so that requests are not kept waiting.
    private func expire(_ ids: ArraySlice<String>) {
        for id in ids.prefix(Self.sliceSize) {
            guard let group = groups[id] else { continue }
            do throws(ErrorCode) { try expire(group) } catch {
                hooks.report("cannot remove the old offsets of group \(id): \(error)")
            }
        }
        let rest = ids.dropFirst(Self.sliceSize)
        if rest.isEmpty { return startRetention() }
        retention.set(after: 0) { [unowned self] in expire(rest) }
    }

    private func expire(_ group: Group) throws(ErrorCode) {
        let expired = group.offsets.filter { isExpired($0.value, $0.key, group) && !pending.isPending(group.id, $0.key) }
        if !expired.isEmpty { try remove(Array(expired.keys), from: group) }
        let isIdle = group.state == .empty && group.members.isEmpty && group.pendingMembers.isEmpty
        if isIdle, group.offsets.isEmpty, !pending.isPending(group.id) { try delete(group) }
    }

    private func isExpired(_ offset: CommittedOffset, _ partition: TopicPartition, _ group: Group) -> Bool {
        var since = offset.commitTimestamp
        if group.protocolType != nil {
            if group.state == .empty {
                since = group.stateTimestamp ?? since
            } else {
                // What the members read stays; what they have left is as old as its last commit.
                guard group.state == .stable, let topics = group.subscribedTopics, !topics.contains(partition.topic) else { return false }
            }
        }
        if offset.expireTimestamp >= 0 { return scheduler.wallClock >= offset.expireTimestamp }
        return scheduler.wallClock &- since >= settings.offsetsRetentionMs
    }
}
