import KafkaProtocol

/// Where a transactional id stands, with the numbers of Kafka's transaction log.
enum TransactionState: Int8, Sendable, CaseIterable {
    /// No transaction yet.
    case empty = 0
    case ongoing = 1
    /// Decided; the markers are not in all partitions yet.
    case prepareCommit = 2
    case prepareAbort = 3
    case completeCommit = 4
    case completeAbort = 5

    /// Whether a transaction can begin and the id can be forgotten.
    var isIdle: Bool { self == .empty || self == .completeCommit || self == .completeAbort }
    var isPrepared: Bool { self == .prepareCommit || self == .prepareAbort }
}

/// Sizes and times of the transaction coordinator.
struct TransactionSettings: Sendable {
    /// Milliseconds; a producer that asks for more is refused (`transaction.max.timeout.ms`).
    var maximumTimeoutMs: Int32 = 900_000
    /// Milliseconds without a transaction after which a transactional id is forgotten (`transactional.id.expiration.ms`).
    var idExpirationMs: Int64 = 7 * 24 * 3_600_000
    /// Milliseconds between two searches for such ids.
    var expirationIntervalMs: Int64 = 3_600_000
    /// Milliseconds to the first retry of what could not be written; each further one waits twice as long, up to the maximum.
    var retryMs: Int64 = 100
    var maximumRetryMs: Int64 = 10_000
    /// Producer ids that one record in the log reserves.
    var producerIDBlock: Int64 = 1_000
    /// New transactional ids beyond it are refused with `policyViolation`.
    var maximumIDs = 200_000
}

/// Something that whoever runs the broker may want to read.
enum TransactionNotice: Sendable, Equatable {
    /// The coordinator aborted what took longer than its producer had allowed.
    case timedOut(transactionalID: String)
    /// A marker or a record could not be written; it is tried again.
    case delayed(transactionalID: String, ErrorCode)
    /// Found open after a start: `ongoing` go on, `prepared` are completed now.
    case recovered(ongoing: Int, prepared: Int)
    /// A partition had an open transaction that the coordinator knows nothing of; it was aborted.
    case orphan(TopicPartition, producerID: Int64)
    /// The log has a record that cannot be read; the coordinator does not start with it.
    case unreadable(offset: Int64, reason: String)
}

/// The partitions that take part in transactions. On the broker's thread.
protocol TransactionParticipants: AnyObject {
    /// Of the next record in the partition; nil when there is no such partition.
    func endOffset(_ partition: TopicPartition) -> Int64?
    /// Appends the end of the producer's transaction; that of `__consumer_offsets-0` goes to the groups. Harmless when there is none. Throws
    /// `unknownTopicOrPartition` when the partition is gone; anything else is tried again.
    func endTransaction(_ partition: TopicPartition, producerID: Int64, epoch: Int16, commit: Bool, coordinatorEpoch: Int32)
        throws(ErrorCode)
}
