/// Hears of changes of a consumer's partitions. Called inside `poll` and `close`, on the thread that owns the consumer.
public protocol RebalanceDelegate: AnyObject {
    /// Partitions are about to be given to the consumer: each begins at its committed offset, or where the group's
    /// settings say, and unpaused.
    func assigning(_ partitions: [TopicPartition], to consumer: Consumer)
    /// Partitions are about to be given up: they are still the consumer's, and it may commit their offsets now. Polling stands still meanwhile,
    /// so it must take no longer than a few seconds.
    func revoking(_ partitions: [TopicPartition], from consumer: Consumer)
    /// Partitions already belong to others; a commit would be refused.
    func lost(_ partitions: [TopicPartition], from consumer: Consumer)
}

extension RebalanceDelegate {
    public func assigning(_ partitions: [TopicPartition], to consumer: Consumer) {}
    public func lost(_ partitions: [TopicPartition], from consumer: Consumer) {}
}
