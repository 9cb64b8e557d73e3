import Envelopes
import Kafka

/// When the schedules of a bot were looked at last. The owner of the partition of `schedule.fired` where the bot's key lies is the one that ticks.
struct Ticker {
    /// Ticks that the owner before may have missed are made up for when they are not older than this, in milliseconds. Their ids tell those it did not miss.
    static let lookBack: Int64 = 120_000

    private(set) var lastLook: Timestamp?
    private var owned: Set<TopicPartition> = []

    mutating func owns(_ partition: TopicPartition, at moment: Moment) {
        guard partition.topic == ScheduleFired.type.name else { return }
        owned.insert(partition)
        lastLook = Timestamp(milliseconds: moment.wall.milliseconds - Self.lookBack)
    }

    mutating func lost(_ partition: TopicPartition) { owned.remove(partition) }

    func isOwner(of partition: TopicPartition) -> Bool { owned.contains(partition) }

    mutating func looked(at now: Timestamp) { lastLook = now }
}
