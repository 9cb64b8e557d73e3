/// How a consumer takes part in a group.
public struct GroupSettings: Sendable, Equatable {
    /// The group's name; nil for a consumer that only `assign`s partitions itself and never commits.
    public var id: String?
    /// Makes the member static (`group.instance.id`). nil, the default: dynamic.
    public var instanceID: String?
    /// A member that is silent for this long is taken for dead.
    public var sessionTimeout: Duration
    /// A member that does not poll for this long loses its partitions.
    public var maximumPollInterval: Duration
    /// Where a partition without a committed offset begins.
    public var offsetReset: OffsetReset
    public var isolation: Isolation
    /// Whether `poll` tells when the end of a partition is reached.
    public var reportsPartitionEnd: Bool
    /// How much librdkafka fetches ahead, over all partitions. KiB; 1...2097151.
    public var prefetchKilobytes: Int32

    public enum OffsetReset: String, Sendable { case earliest, latest, error }
    public enum Isolation: String, Sendable {
        case readCommitted = "read_committed"
        case readUncommitted = "read_uncommitted"
    }

    public init(
        id: String?, instanceID: String? = nil, sessionTimeout: Duration = .seconds(6), maximumPollInterval: Duration = .seconds(300),
        offsetReset: OffsetReset = .earliest, isolation: Isolation = .readCommitted, reportsPartitionEnd: Bool = false,
        prefetchKilobytes: Int32 = 16384
    ) {
        self.id = id
        self.instanceID = instanceID
        self.sessionTimeout = sessionTimeout
        self.maximumPollInterval = maximumPollInterval
        self.offsetReset = offsetReset
        self.isolation = isolation
        self.reportsPartitionEnd = reportsPartitionEnd
        self.prefetchKilobytes = prefetchKilobytes
    }

    /// For a consumer that belongs to no group: it reads what `assign` gives it.
    public static func none(
        isolation: Isolation = .readCommitted, offsetReset: OffsetReset = .earliest, reportsPartitionEnd: Bool = false
    ) -> GroupSettings {
        GroupSettings(id: nil, offsetReset: offsetReset, isolation: isolation, reportsPartitionEnd: reportsPartitionEnd)
    }

    /// librdkafka asks for a group even where none is joined; nothing is ever committed under this name.
    public static let nobodysGroup = "mesh.no-group"

    var overrides: [String: String] {
        var properties = [
            "group.id": id ?? Self.nobodysGroup,
            "session.timeout.ms": "\(sessionTimeout.rdMilliseconds)",
            "heartbeat.interval.ms": "\(max(1, min(sessionTimeout / 3, Self.longestHeartbeat).rdMilliseconds))",
            "max.poll.interval.ms": "\(max(maximumPollInterval, sessionTimeout).rdMilliseconds)",
            "auto.offset.reset": offsetReset.rawValue,
            "isolation.level": isolation.rawValue,
            "enable.partition.eof": reportsPartitionEnd ? "true" : "false",
            "enable.auto.commit": "false",
            "enable.auto.offset.store": "false",
            "queued.max.messages.kbytes": "\(prefetchKilobytes)",
        ]
        if let instanceID { properties["group.instance.id"] = instanceID }
        return properties
    }

    /// A member hears that its group hands partitions out anew in the answer to a heartbeat: for so long, at most, all others wait for it, and so do the partitions that
    /// are on their way. Kafka asks for a third of the session, or less.
    private static let longestHeartbeat = Duration.milliseconds(500)

    /// A setting may replace these.
    static let defaults = [
        "partition.assignment.strategy": "cooperative-sticky",
        "allow.auto.create.topics": "false",
        // A broker answers one fetch of a consumer at a time. At a start the first asks for the partitions that are known by then; where those have nothing
        // new, all others wait for so long, 500 ms by librdkafka's own default.
        "fetch.wait.max.ms": "100",
    ]
}

/// The identity of a member at one moment: what fences a zombie out of `Producer.sendOffsets`. Take a new one after each rebalance.
public struct GroupMetadata: Hashable, Sendable {
    /// librdkafka's serialized form.
    let bytes: [UInt8]

    /// Whether it names a member of a generation. Who was put out of the group, and has not been told yet, has lost its name, and may have lost its generation too. With
    /// one of them a broker refuses a transaction's offsets; with neither it takes them as those of anybody (KIP-447, for older clients), also for partitions that
    /// others have by now.
    ///
    /// Source of the form: librdkafka's `rd_kafka_consumer_group_metadata_write`, from 1.6 on: `CGMDv2:`, the generation in four bytes of the machine's order, the
    /// group's and the member's name, each with a zero behind it. Of another form nothing is known, and it counts as one.
    public var isMember: Bool {
        guard bytes.starts(with: Self.magic), bytes.count > Self.magic.count + 4 else { return true }
        let generation = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: Self.magic.count, as: Int32.self) }
        let names = bytes[(Self.magic.count + 4)...].split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        return generation >= 0 && names.count > 1 && !names[1].isEmpty
    }

    private static let magic = Array("CGMDv2:".utf8)
}
