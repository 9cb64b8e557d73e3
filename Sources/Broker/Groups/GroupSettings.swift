import KafkaProtocol

/// How groups are kept; where Kafka has a setting, it is named.
struct GroupSettings {
    /// `group.min.session.timeout.ms`
    var minimumSessionTimeoutMs: Int32 = 6_000
    /// `group.max.session.timeout.ms`
    var maximumSessionTimeoutMs: Int32 = 1_800_000
    /// `group.initial.rebalance.delay.ms`: how long an empty group waits for more members after the first. Kafka's default of 3,000 is for clusters where
    /// hundreds start together; on one machine it is only 3 s in which nothing happens, so the quick-start configuration of Kafka has 0 too.
    var initialRebalanceDelayMs: Int32 = 0
    /// `group.max.size`: members of one group. Kafka's default has no limit.
    var maximumMembers = 10_000
    /// How long a join of a new member waits for the others: it sends no heartbeats yet, so nothing else tells that it is gone. As in Kafka.
    var newMemberJoinTimeoutMs: Int64 = 300_000
    /// `offset.metadata.max.bytes`
    var maximumOffsetMetadataBytes = 4_096
    /// `offsets.retention.minutes`, in milliseconds.
    var offsetsRetentionMs: Int64 = 10_080 * 60_000
    /// `offsets.retention.check.interval.ms`
    var retentionCheckIntervalMs: Int64 = 600_000
    /// `producer.id.expiration.ms`: how long the epoch of a producer that does nothing is remembered.
    var producerExpirationMs: Int64 = 86_400_000

    // Kafka has no such limits; memory is bounded by them here.
    var maximumGroups = 20_000
    /// Members that were given an id and have not come back with it, per group.
    var maximumPendingMembers = 10_000
    /// What one member says of itself, in bytes.
    var maximumMemberBytes = 1 << 20
    /// What all members of all groups say of themselves, with their assignments, in bytes; and what those take that have an id and have not come back.
    var maximumMetadataBytes = 128 << 20
}

/// Where clients reach this broker, which coordinates all groups and transactions.
struct CoordinatorAddress: Equatable {
    var nodeID: Int32
    var host: String
    var port: Int32
}

/// What the coordinator asks the rest of the broker. All on the broker's thread.
struct GroupHooks {
    var address: (RequestContext) -> CoordinatorAddress
    var partitionExists: (TopicPartition) -> Bool
    /// Where the partition ends; nil when there is none.
    var endOffset: (TopicPartition) -> Int64? = { _ in nil }
    /// Random ones.
    var makeUUID: () -> WireUUID
    /// Whether the offsets' partition is a part of the open transaction of the producer, which has the transactional id.
    var isTransactionOngoing: (_ transactionalID: String, _ producerID: Int64, _ epoch: Int16) -> Bool = { _, _, _ in true }
    /// A line for the log of the broker.
    var report: (String) -> Void = { _ in }
}
