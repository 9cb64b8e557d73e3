import BrokerStorage
import KafkaProtocol

/// The logs of all partitions, as topics make them and as requests for records find them. On the broker's thread.
final class Partitions: PartitionStore {
    /// Called when more of a partition can be read than before.
    var onAdvance: (TopicPartition) -> Void = { _ in }
    private let store: LogStore
    private let scheduler: any Scheduler

    init(store: LogStore, scheduler: any Scheduler) {
        self.store = store
        self.scheduler = scheduler
    }

    /// nil when there is no such partition.
    func log(_ partition: TopicPartition) -> PartitionLog? { store.logs[partition] }

    /// The log that a client may ask about.
    func log(_ topic: String, _ partition: Int32) throws(ErrorCode) -> PartitionLog {
        guard topic != TopicName.clusterMetadata, let log = store.logs[TopicPartition(topic, partition)] else {
            throw .unknownTopicOrPartition
        }
        return log
    }

    var existingPartitions: [(partition: TopicPartition, topicID: WireUUID)] { store.existing.map { ($0.0, $0.1) } }

    func openPartition(_ partition: TopicPartition, topicID: WireUUID, settings: TopicSettings) throws(StorageError) -> any OpenPartition {
        let log = try store.open(partition, topicID: topicID, settings: settings.logSettings, now: scheduler.wallClock)
        log.onAdvance = { [unowned self] in onAdvance(partition) }
        return log
    }

    func setAside(_ partition: TopicPartition) { store.setAside(partition) }

    func deletePartition(_ partition: TopicPartition) {
        store.delete(partition)
        // Who waits for records of it hears that it is gone.
        onAdvance(partition)
    }
}

extension PartitionLog: OpenPartition {
    func apply(_ settings: TopicSettings) { self.settings = settings.logSettings }
}

extension PartitionLog {
    /// Whether a client that believes in `epoch` can be served.
    func check(leaderEpoch epoch: Int32) throws(ErrorCode) {
        if epoch > leaderEpoch { throw .unknownLeaderEpoch }
        if epoch >= 0, epoch < leaderEpoch { throw .fencedLeaderEpoch }
    }
}
