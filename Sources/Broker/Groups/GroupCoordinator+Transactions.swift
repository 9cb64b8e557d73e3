import KafkaProtocol

/// Offsets that count when a producer's transaction commits.
extension GroupCoordinator {
    func commitInTransaction(
        _ request: TxnOffsetCommitRequest, _ context: RequestContext, _ reply: @escaping (TxnOffsetCommitResponse) -> Void
    ) {
        var items = request.topics.flatMap { topic in
            topic.partitions.map { partition in
                CommitItem(
                    partition: TopicPartition(topic.name, partition.partitionIndex), offset: partition.committedOffset,
                    leaderEpoch: partition.committedLeaderEpoch, metadata: partition.committedMetadata ?? "")
            }
        }
        let producer = StateProducer(id: request.producerId, epoch: request.producerEpoch)
        do throws(ErrorCode) {
            try check(producer, request, context)
            let committer = Committer(
                groupID: request.groupId, memberID: request.memberId, instanceID: request.groupInstanceId, generation: request.generationId,
                producer: producer)
            commit(&items, committer, expireTimestamp: -1, context)
        } catch {
            for index in items.indices { items[index].error = error }
        }
        let response = Self.response(request, items)
        guard items.contains(where: { $0.error == .none }) else { return reply(response) }
        durability.answer(response, of: [.consumerOffsets], reply)
    }

    private func check(_ producer: StateProducer, _ request: TxnOffsetCommitRequest, _ context: RequestContext) throws(ErrorCode) {
        guard authorizer.allows(.write, .transactionalID, request.transactionalId, context) else {
            throw .transactionalIDAuthorizationFailed
        }
        guard authorizer.allows(.read, .group, request.groupId, context) else { throw .groupAuthorizationFailed }
        guard producer.id >= 0, producer.epoch >= 0 else { throw .invalidProducerIDMapping }
        try epochs.check(producer)
        // Without this, a commit that comes late would open a transaction that nobody ends. Newer clients are told that they can abort and go on.
        guard hooks.isTransactionOngoing(request.transactionalId, producer.id, producer.epoch) else {
            throw context.version >= 4 ? .transactionAbortable : .invalidTxnState
        }
    }

    private static func response(_ request: TxnOffsetCommitRequest, _ items: [CommitItem]) -> TxnOffsetCommitResponse {
        var response = TxnOffsetCommitResponse()
        var errors = items.lazy.map { $0.error.rawValue }.makeIterator()
        response.topics = request.topics.map { topic in
            var answer = TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic()
            answer.name = topic.name
            answer.partitions = topic.partitions.map { partition in
                var result = TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic.TxnOffsetCommitResponsePartition()
                result.partitionIndex = partition.partitionIndex
                result.errorCode = errors.next() ?? 0
                return result
            }
            return answer
        }
        return response
    }

    /// Ends the producer's transaction for the offsets' partition. Can be repeated. Whether that is durable is for the caller to await. Throws
    /// `invalidProducerEpoch` when a newer epoch is known, and what the log says.
    func endTransaction(producerID: Int64, epoch: Int16, commit: Bool) throws(ErrorCode) {
        let producer = StateProducer(id: producerID, epoch: epoch)
        try epochs.check(producer)
        try log.appendMarker(producer, commit: commit)
        epochs.see(producer, now: scheduler.wallClock)
        applyMarker(producer, commit: commit)
    }

    /// An offset that was committed later, outside the transaction, stays: what counts is the order in the log.
    func applyMarker(_ producer: StateProducer, commit: Bool) {
        for (groupID, offsets) in pending.end(producer.id) {
            guard let group = groups[groupID] else { continue }
            if commit {
                for (partition, offset) in offsets where group.offsets[partition].map({ $0.order < offset.order }) ?? true {
                    group.offsets[partition] = offset
                }
            }
            dropIfUnused(group)
        }
    }
}
