/// How a data directory is kept.
public struct StorageSettings: Sendable, Equatable {
    /// What was appended is synced to the disk at the latest after so long.
    public var flushIntervalMs: Int64 = 1000
    /// And as soon as so much is not synced.
    public var flushBytes = 256 << 20
    /// The strict mode: nothing is acknowledged or shown to consumers before it is synced.
    public var syncsBeforeAcknowledging = false
    /// Segment files that are open at a time.
    public var maximumOpenFiles = 512
    /// How often the manifest is written at most while data come in.
    public var checkpointIntervalMs: Int64 = 5000
    /// A busy partition's recovery point moves after so many bytes, a quiet one's as soon as it is quiet.
    public var checkpointBytes = 4 << 20
    /// All recovery points move when more than this would have to be read after a crash.
    public var recoveryBytes = 256 << 20
    /// How often retention and rolling by time are looked after.
    public var retentionCheckIntervalMs: Int64 = 5000
    /// A producer that was silent for so long, with no open transaction, is forgotten: `producer.id.expiration.ms`.
    public var producerExpirationMs: Int64 = 86_400_000
    /// Producers that a partition remembers at most; the longest silent ones are forgotten first.
    public var maximumProducers = 20_000
    /// Bytes of a segment between two entries of its index: `log.index.interval.bytes`.
    public var indexIntervalBytes = 4096
    /// Producers' data are refused when the file system has less left, so that the broker's own state can still be kept.
    public var reservedBytes = 8 << 20

    /// How often the cleaner looks for a log to compact.
    public var cleanerIntervalMs: Int64 = 1000
    /// How long it leaves a log alone that it could not clean; longer after each further failure.
    public var cleanerRetryMs: Int64 = 15_000
    /// What it reads and writes in a second at most.
    public var cleanerBytesPerSecond = 32 << 20
    /// Its memory for keys, 24 bytes for each. More keys take more runs.
    public var cleanerMapBytes = 16 << 20

    public init() {}
}
