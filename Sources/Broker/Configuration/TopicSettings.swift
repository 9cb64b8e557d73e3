/// The configuration of a topic, with Kafka's defaults. Times in milliseconds, sizes in bytes.
struct TopicSettings: Sendable, Equatable {
    enum TimestampType: String, Sendable, CaseIterable {
        case createTime = "CreateTime"
        case logAppendTime = "LogAppendTime"
    }

    var cleanupPolicy = ["delete"]
    /// -1: no limit.
    var retentionMs: Int64 = 604_800_000
    /// -1: no limit.
    var retentionBytes: Int64 = -1
    var segmentBytes: Int32 = 1_073_741_824
    var segmentMs: Int64 = 604_800_000
    var maxMessageBytes: Int32 = 1_048_588
    var messageTimestampType = TimestampType.createTime
    var minCleanableDirtyRatio = 0.5
    var deleteRetentionMs: Int64 = 86_400_000
    var minCompactionLagMs: Int64 = 0
    var maxCompactionLagMs = Int64.max
    var fileDeleteDelayMs: Int64 = 60_000

    var deletes: Bool { cleanupPolicy.contains("delete") }
    var compacts: Bool { cleanupPolicy.contains("compact") }

    /// The settings of a topic that overrides some of them.
    init(_ overrides: [String: String] = [:], over defaults: TopicSettings) throws(SettingError) {
        self = defaults
        for (name, value) in overrides.sorted(by: { $0.key < $1.key }) { try set(name, value) }
    }

    init() {}

    /// - Throws: for a key that is not known, a key of Kafka that this broker does not honour, and a value out of range.
    mutating func set(_ name: String, _ value: String) throws(SettingError) {
        guard let setting = Self.byName[name] else {
            if let reason = Self.refused[name] {
                throw SettingError("The topic configuration \(name) is not supported by this broker: \(reason)")
            }
            throw SettingError("Unknown topic config name: \(name)")
        }
        try setting.write(&self, SettingText.trimmed(value))
    }
}

extension TopicSettings {
    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    static func setting(_ name: String) -> Setting<TopicSettings>? { byName[name] }

    /// All that can be set, by name.
    static let all: [Setting<TopicSettings>] = [
        .list(
            "cleanup.policy", \.cleanupPolicy, allowed: ["compact", "delete"],
            "What is done with old records: delete removes whole segments by age and size, compact keeps the last record of each key."),
        .fixed("compression.type", .string, "producer", "Batches are stored as they come and never compressed anew."),
        .number("delete.retention.ms", \.deleteRetentionMs, 0...(.max), "How long a compacted topic keeps records without a value."),
        .number("file.delete.delay.ms", \.fileDeleteDelayMs, 0...(.max), "How long the file of a deleted segment is kept."),
        .number("max.compaction.lag.ms", \.maxCompactionLagMs, 1...(.max), "How long a record may wait for compaction."),
        .number("max.message.bytes", \.maxMessageBytes, 0...(.max), "The largest batch that is taken."),
        .choice(
            "message.timestamp.type", \.messageTimestampType,
            "Whose time a record carries: that of its producer, or that of the broker when it was appended."),
        .fraction(
            "min.cleanable.dirty.ratio", \.minCleanableDirtyRatio,
            "How much of a compacted log may be records not yet compacted before it is compacted again."),
        .number("min.compaction.lag.ms", \.minCompactionLagMs, 0...(.max), "How long a record is safe from compaction."),
        .fixed("min.insync.replicas", .int, "1", "There is one replica of each partition."),
        .fixed("preallocate", .boolean, "false", "Segment files grow as they are written."),
        .number(
            "retention.bytes", \.retentionBytes, (.min)...(.max),
            "How large a partition may grow before its oldest segments are deleted; -1 for no limit."),
        .number(
            "retention.ms", \.retentionMs, -1...(.max), "How old records may become before their segments are deleted; -1 for no limit."),
        .number("segment.bytes", \.segmentBytes, 14...(.max), "The size of a segment file."),
        .number(
            "segment.ms", \.segmentMs, 1...(.max),
            "How old a segment may become before a new one is begun, so that retention and compaction can reach it."),
        .fixed("unclean.leader.election.enable", .boolean, "false", "There is one replica of each partition."),
    ]

    /// The keys of the broker's configuration that say what holds for topics that set nothing; the first that is set holds.
    static let brokerKeys: [String: [String]] = [
        "cleanup.policy": ["log.cleanup.policy"],
        "compression.type": ["compression.type"],
        "delete.retention.ms": ["log.cleaner.delete.retention.ms"],
        "file.delete.delay.ms": ["log.segment.delete.delay.ms"],
        "max.compaction.lag.ms": ["log.cleaner.max.compaction.lag.ms"],
        "max.message.bytes": ["message.max.bytes"],
        "message.timestamp.type": ["log.message.timestamp.type"],
        "min.cleanable.dirty.ratio": ["log.cleaner.min.cleanable.ratio"],
        "min.compaction.lag.ms": ["log.cleaner.min.compaction.lag.ms"],
        "min.insync.replicas": ["min.insync.replicas"],
        "preallocate": ["log.preallocate"],
        "retention.bytes": ["log.retention.bytes"],
        "retention.ms": ["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
        "segment.bytes": ["log.segment.bytes"],
        "segment.ms": ["log.roll.ms", "log.roll.hours"],
        "unclean.leader.election.enable": ["unclean.leader.election.enable"],
    ]

    /// Keys of Kafka that this broker does not honour, and why.
    static let refused: [String: String] = {
        let groups: [(String, [String])] = [
            ("batches are never compressed anew", ["compression.gzip.level", "compression.lz4.level", "compression.zstd.level"]),
            (
                "there is one replica of each partition",
                ["follower.replication.throttled.replicas", "leader.replication.throttled.replicas"]
            ),
            (
                "there is no tiered storage",
                [
                    "local.retention.bytes", "local.retention.ms", "remote.log.copy.disable", "remote.log.delete.on.disable",
                    "remote.storage.enable",
                ]
            ),
            ("when logs are flushed is a matter of the broker's configuration", ["flush.messages", "flush.ms"]),
            ("the broker sizes its indexes itself", ["index.interval.bytes", "segment.index.bytes"]),
            ("segments are begun without jitter", ["segment.jitter.ms"]),
            (
                "timestamps of producers are not limited",
                ["message.timestamp.after.max.ms", "message.timestamp.before.max.ms", "message.timestamp.difference.max.ms"]
            ),
            ("there is one message format", ["message.downconversion.enable", "message.format.version"]),
        ]
        return Dictionary(uniqueKeysWithValues: groups.flatMap { reason, names in names.map { ($0, reason) } })
    }()
}
