/// Hears of changes of a consumer's partitions. Called inside `poll` and `close`, on the thread that owns the consumer.
public protocol RebalanceDelegate: AnyObject {
    /// Partitions are about to be given to the consumer. Answers where to begin and what to pause.
    func assigning(_ partitions: [TopicPartition], to consumer: Consumer) -> AssignmentPlan
    /// Partitions are about to be given up: they are still the consumer's, and it may commit their offsets now. Polling stands still meanwhile,
    /// so it must take no longer than a few seconds.
    func revoking(_ partitions: [TopicPartition], from consumer: Consumer)
    /// Partitions already belong to others; a commit would be refused.
    func lost(_ partitions: [TopicPartition], from consumer: Consumer)
}

extension RebalanceDelegate {
    public func assigning(_ partitions: [TopicPartition], to consumer: Consumer) -> AssignmentPlan { AssignmentPlan() }
    public func lost(_ partitions: [TopicPartition], from consumer: Consumer) {}
}

/// How newly assigned partitions begin.
public struct AssignmentPlan: Sendable {
    /// Offsets to begin at, in place of the committed ones.
    public var startOffsets: [TopicPartition: Int64]
    /// Partitions that deliver nothing until `resume`.
    public var paused: Set<TopicPartition>

    public init(startOffsets: [TopicPartition: Int64] = [:], paused: Set<TopicPartition> = []) {
        self.startOffsets = startOffsets
        self.paused = paused
    }
}
