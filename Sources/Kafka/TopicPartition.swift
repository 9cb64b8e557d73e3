/// One partition of one topic.
public struct TopicPartition: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let topic: String
    public let partition: Int32

    public init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    public init(_ topic: String, _ partition: Int32) { self.init(topic: topic, partition: partition) }

    /// Orders by topic, then by number.
    public static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        left.topic == right.topic ? left.partition < right.partition : left.topic < right.topic
    }

    /// `build.completed[3]`.
    public var description: String { "\(topic)[\(partition)]" }
}

/// What a group has committed for a partition.
public struct CommittedOffset: Hashable, Sendable {
    /// The offset of the next record to read.
    public let offset: Int64
    /// Text of the committer's own, without NUL characters; brokers take 4096 bytes unless configured otherwise.
    public let metadata: String

    public init(offset: Int64, metadata: String = "") {
        self.offset = offset
        self.metadata = metadata
    }
}

/// The ends of a partition's log.
public struct Watermarks: Hashable, Sendable {
    /// The offset of the oldest record.
    public let low: Int64
    /// One more than the offset of the newest record.
    public let high: Int64

    public init(low: Int64, high: Int64) {
        self.low = low
        self.high = high
    }
}
