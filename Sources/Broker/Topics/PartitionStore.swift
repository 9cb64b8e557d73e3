import BrokerStorage
import KafkaProtocol

/// The log of one partition, as far as topics are concerned. On the broker's thread.
protocol OpenPartition: AnyObject {
    /// Holds for all that is done from now on.
    func apply(_ settings: TopicSettings)
}

/// Where the logs of partitions lie. On the broker's thread.
protocol PartitionStore: AnyObject {
    /// All that was there when the broker started.
    var existingPartitions: [(partition: TopicPartition, topicID: WireUUID)] { get }
    /// Makes the log, or recovers the one that is there.
    func openPartition(_ partition: TopicPartition, topicID: WireUUID, settings: TopicSettings) throws(StorageError) -> any OpenPartition
    /// Takes a log that no topic has out of the way. What it holds is kept, and the operator told where.
    func setAside(_ partition: TopicPartition)
    /// The log is gone at once for all who read it.
    func deletePartition(_ partition: TopicPartition)
}
