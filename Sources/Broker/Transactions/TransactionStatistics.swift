import KafkaProtocol

/// Figures since the start, and the states of now.
struct TransactionStatistics: Sendable, Equatable {
    var committed = 0
    /// By producers, time-outs and newer producers.
    var aborted = 0
    var timedOut = 0
    /// Attempts to write markers and states that had failed before.
    var retries = 0
    /// Transactional ids that were forgotten.
    var expired = 0
    /// Transactional ids in each state.
    var states: [TransactionState: Int] = [:]
}

extension TransactionCoordinator {
    /// For the broker's metrics.
    func statistics() -> TransactionStatistics {
        var statistics = counts
        for transaction in transactions.values { statistics.states[transaction.metadata.state, default: 0] += 1 }
        return statistics
    }

    /// Whether the partition is a part of the producer's open transaction, so that a transactional batch may be appended to it.
    func isOngoing(_ id: String, producerID: Int64, epoch: Int16, partition: TopicPartition) -> Bool {
        verify(id, producerID: producerID, epoch: epoch, partition: partition) == .none
    }

    /// The same with the error that Produce and TxnOffsetCommit answer otherwise; `none` when the batch may be appended.
    /// - Parameter id: the transactional id that the client may write; a producer of another one is not its own.
    func verify(_ id: String, producerID: Int64, epoch: Int16, partition: TopicPartition) -> ErrorCode {
        guard let transaction = byProducer[producerID], transaction.id == id else { return .invalidProducerIDMapping }
        let metadata = transaction.metadata
        guard epoch == metadata.producerEpoch else { return .invalidProducerEpoch }
        // Retried by the producer; only one that writes while it ends its transaction gets here.
        if metadata.state.isPrepared || transaction.pending?.isPrepared == true { return .notEnoughReplicas }
        return metadata.state == .ongoing && metadata.partitions.contains(partition) ? .none : .invalidTxnState
    }
}
