import KafkaProtocol

/// OffsetCommit.
extension GroupCoordinator {
    /// One offset of a commit, inside a transaction or not, and what becomes of it.
    struct CommitItem {
        var partition: TopicPartition
        var offset: Int64
        var leaderEpoch: Int32
        var metadata: String
        var error = ErrorCode.none
    }

    /// Who commits.
    struct Committer {
        var groupID: String
        var memberID: String
        var instanceID: String?
        var generation: Int32
        /// Of a transaction.
        var producer: StateProducer?
    }

    func commit(_ request: OffsetCommitRequest, _ context: RequestContext, _ reply: @escaping (OffsetCommitResponse) -> Void) {
        var items = request.topics.flatMap { topic in
            topic.partitions.map { partition in
                CommitItem(
                    partition: TopicPartition(topic.name, partition.partitionIndex), offset: partition.committedOffset,
                    leaderEpoch: partition.committedLeaderEpoch, metadata: partition.committedMetadata ?? "")
            }
        }
        let committer = Committer(
            groupID: request.groupId, memberID: request.memberId, instanceID: request.groupInstanceId,
            generation: request.generationIdOrMemberEpoch)
        var expireTimestamp: Int64 = -1
        if context.version <= 4, request.retentionTimeMs >= 0 {
            let (sum, isTooLarge) = scheduler.wallClock.addingReportingOverflow(request.retentionTimeMs)
            expireTimestamp = isTooLarge ? -1 : sum
        }
        commit(&items, committer, expireTimestamp: expireTimestamp, context)
        let response = Self.response(request, items)
        guard items.contains(where: { $0.error == .none }) else { return reply(response) }
        durability.answer(response, of: [.consumerOffsets], reply)
    }

    private static func response(_ request: OffsetCommitRequest, _ items: [CommitItem]) -> OffsetCommitResponse {
        var response = OffsetCommitResponse()
        var errors = items.lazy.map { $0.error.rawValue }.makeIterator()
        response.topics = request.topics.map { topic in
            var answer = OffsetCommitResponse.OffsetCommitResponseTopic()
            answer.name = topic.name
            answer.partitions = topic.partitions.map { partition in
                var result = OffsetCommitResponse.OffsetCommitResponseTopic.OffsetCommitResponsePartition()
                result.partitionIndex = partition.partitionIndex
                result.errorCode = errors.next() ?? 0
                return result
            }
            return answer
        }
        return response
    }

    /// Keeps what can be kept, and says of each item what became of it.
    func commit(_ items: inout [CommitItem], _ committer: Committer, expireTimestamp: Int64, _ context: RequestContext) {
        do throws(ErrorCode) {
            guard authorizer.allows(.read, .group, committer.groupID, context) else { throw .groupAuthorizationFailed }
            checkPartitions(&items, context)
            guard items.contains(where: { $0.error == .none }) else { return }
            let group = try checkCommitter(committer, version: context.version)
            defer { dropIfUnused(group) }
            // A member that commits is alive.
            if committer.producer == nil, group.state == .stable || group.state == .preparingRebalance,
                let member = group.members[committer.memberID]
            {
                restartSession(member, group)
            }
            for index in items.indices where items[index].error == .none {
                if items[index].metadata.utf8.count > settings.maximumOffsetMetadataBytes { items[index].error = .offsetMetadataTooLarge }
            }
            let kept = Self.last(items.filter { $0.error == .none })
            let back = setBack(kept, group, committer)
            try keep(kept, group, committer.producer, expireTimestamp)
            if let back {
                group.toldOfSetBack = scheduler.now
                hooks.report(back)
            }
        } catch {
            for index in items.indices where items[index].error == .none { items[index].error = error }
        }
    }

    private func checkPartitions(_ items: inout [CommitItem], _ context: RequestContext) {
        var allowed: [String: Bool] = [:]
        for index in items.indices {
            let partition = items[index].partition
            let isAllowed = allowed[partition.topic] ?? authorizer.allows(.read, .topic, partition.topic, context)
            allowed[partition.topic] = isAllowed
            if !isAllowed {
                items[index].error = .topicAuthorizationFailed
            } else if !hooks.partitionExists(partition) {
                items[index].error = .unknownTopicOrPartition
            }
        }
    }

    /// Throws when a member of another generation, or somebody else while the group has members, wants to commit.
    private func checkCommitter(_ committer: Committer, version: Int16) throws(ErrorCode) -> Group {
        let isTransactional = committer.producer != nil
        if isTransactional, committer.groupID.isEmpty { throw .invalidGroupID }
        guard let group = groups[committer.groupID] else {
            // Without a generation it is a consumer that shares with nobody, or a tool.
            guard committer.generation >= 0 else { return try groupOrNew(committer.groupID) }
            throw !isTransactional && version >= 9 ? .groupIDNotFound : .illegalGeneration
        }
        if committer.generation < 0, group.state == .empty { return group }
        if committer.generation >= 0 || !committer.memberID.isEmpty || committer.instanceID != nil {
            try group.check(committer.memberID, committer.instanceID)
            guard committer.generation == group.generation else { throw .illegalGeneration }
        } else if !isTransactional {
            throw .unknownMemberID
        }
        // The member knows of the new generation already, but has no part in it yet; while the others are waited for it may still say what it has done.
        if !isTransactional, group.state == .completingRebalance { throw .rebalanceInProgress }
        return group
    }

    /// In words the first offset that is to be lower than the one before, by a member or in a transaction: what was done is done again, or somebody commits for a
    /// partition that another has. A tool that puts a group back is none of these. One in a minute of each group.
    private func setBack(_ items: [CommitItem], _ group: Group, _ committer: Committer) -> String? {
        guard committer.generation >= 0 || committer.producer != nil else { return nil }
        if let told = group.toldOfSetBack, scheduler.now - told < 60_000 { return nil }
        for item in items {
            let open = committer.producer.flatMap { pending.transactions[$0.id]?[group.id]?[item.partition] }
            guard let before = open ?? group.offsets[item.partition], item.offset < before.offset else { continue }
            let who = committer.memberID.isEmpty ? "somebody who is no member" : "the member \(committer.memberID)"
            let how = committer.producer.map { " in a transaction of the producer \($0.id), epoch \($0.epoch)" } ?? ""
            return
                "\(who) of group \(group.id), generation \(committer.generation) of \(group.generation), commits \(item.offset) of \(item.partition)\(how), and \(before.offset) was committed before\(open == nil ? "" : " in that transaction"): it reads some records again"
        }
        return nil
    }

    /// Of a partition that is named more than once, what is said of it last.
    private static func last(_ items: [CommitItem]) -> [CommitItem] {
        var seen: Set<TopicPartition> = []
        return items.reversed().filter { seen.insert($0.partition).inserted }.reversed()
    }

    private func keep(_ items: [CommitItem], _ group: Group, _ producer: StateProducer?, _ expireTimestamp: Int64) throws(ErrorCode) {
        guard !items.isEmpty else { return }
        let now = scheduler.wallClock
        let values = items.map { item in
            var value = OffsetCommitValue()
            value.offset = item.offset
            value.leaderEpoch = item.leaderEpoch
            value.metadata = item.metadata
            value.commitTimestamp = now
            value.expireTimestamp = expireTimestamp
            return value
        }
        let records = zip(items, values).map { item, value in GroupRecord.offset(Self.key(group.id, item.partition), value).stateRecord }
        do throws(ErrorCode) {
            if let producer { try epochs.check(producer) }
            try log.append(records, producer: producer)
        } catch {
            throw Self.answer(toCommit: error)
        }
        if let producer { epochs.see(producer, now: now) }
        for (item, value) in zip(items, values) { apply(group, item.partition, value, producer) }
    }

    static func key(_ group: String, _ partition: TopicPartition) -> OffsetCommitKey {
        var key = OffsetCommitKey()
        key.group = group
        key.topic = partition.topic
        key.partition = partition.partition
        return key
    }

    /// What a record of the log does, now or when the log is read again.
    func apply(_ group: Group, _ partition: TopicPartition, _ value: OffsetCommitValue?, _ producer: StateProducer?) {
        guard let value else {
            group.offsets[partition] = nil
            return pending.remove(group.id, partition)
        }
        let offset = CommittedOffset(value, order: nextOrder())
        if let producer {
            pending.add(producer.id, group.id, partition, offset)
        } else {
            group.offsets[partition] = offset
        }
    }
}
