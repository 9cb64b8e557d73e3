import BrokerStorage
import KafkaProtocol

/// Takes the ends of transactions to the partitions that take part in them. On the broker's thread.
final class Participants: TransactionParticipants {
    private let partitions: Partitions
    private let groups: GroupCoordinator
    private let scheduler: any Scheduler

    init(partitions: Partitions, groups: GroupCoordinator, scheduler: any Scheduler) {
        self.partitions = partitions
        self.groups = groups
        self.scheduler = scheduler
    }

    func endOffset(_ partition: TopicPartition) -> Int64? { (try? partitions.log(partition.topic, partition.partition))?.endOffset }

    func endTransaction(_ partition: TopicPartition, producerID: Int64, epoch: Int16, commit: Bool, coordinatorEpoch: Int32)
        throws(ErrorCode)
    {
        if partition == TransactionCoordinator.offsetsPartition {
            return try groups.endTransaction(producerID: producerID, epoch: epoch, commit: commit)
        }
        guard let log = partitions.log(partition) else { throw .unknownTopicOrPartition }
        try log.endTransaction(
            producerID: producerID, epoch: epoch, commit: commit, coordinatorEpoch: coordinatorEpoch, now: scheduler.wallClock)
    }
}
