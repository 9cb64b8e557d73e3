/// A topic's configuration as its logs need it, with Kafka's names and defaults.
public struct LogSettings: Sendable, Equatable {
    public struct CleanupPolicy: OptionSet, Sendable, Equatable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Old segments go.
        public static let delete = CleanupPolicy(rawValue: 1)
        /// The last record of each key stays.
        public static let compact = CleanupPolicy(rawValue: 2)
    }

    /// Whose time records have.
    public enum TimestampType: Sendable, Equatable {
        /// The producer's.
        case create
        /// The broker's, when it appends them.
        case append
    }

    /// Milliseconds; -1 for ever.
    public var retentionMs: Int64 = 604_800_000
    /// Of each partition; -1 without limit.
    public var retentionBytes: Int64 = -1
    public var segmentBytes = 1 << 30
    public var segmentMs: Int64 = 604_800_000
    public var cleanupPolicy: CleanupPolicy = .delete
    /// Of a batch, its header included.
    public var maxMessageBytes = 1_048_588
    public var messageTimestampType = TimestampType.create
    public var minCleanableDirtyRatio = 0.5
    public var deleteRetentionMs: Int64 = 86_400_000
    public var minCompactionLagMs: Int64 = 0
    public var maxCompactionLagMs = Int64.max
    public var fileDeleteDelayMs: Int64 = 60_000

    public init() {}
}
