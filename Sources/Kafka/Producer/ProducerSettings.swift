/// How a producer works. Idempotent, all replicas, murmur2 partitions: always. Linger and limits give way to properties of the client's settings, but for
/// `maximumBatchBytes` and `maximumQueuedKibibytes`.
public struct ProducerSettings: Sendable, Equatable {
    /// Makes the producer transactional, and fences every older producer with the same id.
    public var transactionalID: String?
    /// An open transaction that is silent for this long is aborted by the broker.
    public var transactionTimeout: Duration
    /// How long a record waits for others to share its request.
    public var linger: Duration
    /// Records that may wait in memory; beyond them `send` says that the queue is full.
    public var maximumQueuedRecords: Int32
    /// And their bytes, in KiB; nil: as the client's settings or librdkafka (1 GiB) have it.
    public var maximumQueuedKibibytes: Int32?
    /// Records are given up when they could not be delivered for this long. Ignored in transactions, which have their own limit.
    public var deliveryTimeout: Duration
    /// The largest record that is sent; topics have limits of their own. Bytes.
    public var maximumRecordBytes: Int32
    /// What goes to a partition together, beside the first record; nil: as the client's settings or librdkafka have it. 1: each record goes alone.
    public var maximumBatchBytes: Int32?
    /// Keep only the reports of failures: for a producer whose `deliveries` nobody matches with tokens.
    public var keepsOnlyFailures: Bool

    public init(
        transactionalID: String? = nil, transactionTimeout: Duration = .seconds(6), linger: Duration = .milliseconds(2),
        maximumQueuedRecords: Int32 = 100_000, maximumQueuedKibibytes: Int32? = nil, deliveryTimeout: Duration = .seconds(60),
        maximumRecordBytes: Int32 = 17_000_000,
        maximumBatchBytes: Int32? = nil, keepsOnlyFailures: Bool = false
    ) {
        self.transactionalID = transactionalID
        self.transactionTimeout = transactionTimeout
        self.linger = linger
        self.maximumQueuedRecords = maximumQueuedRecords
        self.maximumQueuedKibibytes = maximumQueuedKibibytes
        self.deliveryTimeout = deliveryTimeout
        self.maximumRecordBytes = maximumRecordBytes
        self.maximumBatchBytes = maximumBatchBytes
        self.keepsOnlyFailures = keepsOnlyFailures
    }

    /// What no setting of the client changes.
    func overrides(beside client: ClientSettings) -> [String: String] {
        var properties = [
            "enable.idempotence": "true",
            "acks": "all",
            "partitioner": "murmur2_random",
        ]
        if let maximumBatchBytes { properties["batch.size"] = "\(max(1, maximumBatchBytes))" }
        if let maximumQueuedKibibytes { properties["queue.buffering.max.kbytes"] = "\(max(1, maximumQueuedKibibytes))" }
        if let transactionalID {
            properties["transactional.id"] = transactionalID
            properties["transaction.timeout.ms"] = "\(transactionTimeout.rdMilliseconds)"
            properties["message.timeout.ms"] = "\(transactionTimeout.rdMilliseconds)"
            // librdkafka makes no producer whose requests may take longer than its transactions.
            if let limit = client["socket.timeout.ms"].flatMap({ Int32($0) }), limit > transactionTimeout.rdMilliseconds {
                properties["socket.timeout.ms"] = "\(transactionTimeout.rdMilliseconds)"
            }
        } else {
            properties["message.timeout.ms"] = "\(max(1, deliveryTimeout.rdMilliseconds))"
        }
        return properties
    }

    /// What the settings of the client may replace.
    var defaults: [String: String] {
        [
            "allow.auto.create.topics": "false",
            "linger.ms": "\(linger.rdMilliseconds)",
            "queue.buffering.max.messages": "\(maximumQueuedRecords)",
            "message.max.bytes": "\(maximumRecordBytes)",
        ]
    }
}

/// What became of one record.
public struct Delivery: Sendable, Equatable {
    /// The token given to `send`.
    public let token: UInt64
    public let topicPartition: TopicPartition
    /// -1 when it is not known.
    public let offset: Int64
    /// nil: delivered.
    public let error: KafkaError?
    /// Whether it may be in its topic: what was delivered is, and what was sent and not answered may be.
    public let mayBeThere: Bool
}

/// Delivery reports between the callback and whoever collects them.
struct DeliveryLog: Sendable {
    let keepsOnlyFailures: Bool
    var deliveries: [Delivery] = []
    private var names = TopicNamesBox()

    init(keepsOnlyFailures: Bool) { self.keepsOnlyFailures = keepsOnlyFailures }

    mutating func take() -> [Delivery] {
        defer { deliveries = [] }
        return deliveries
    }

    mutating func name(of topic: OpaquePointer?) -> String { names.value.name(of: topic) }
}

/// Sendable although its keys are pointers: they are compared, and followed only while librdkafka holds them.
private struct TopicNamesBox: @unchecked Sendable {
    var value = TopicNames()
}
