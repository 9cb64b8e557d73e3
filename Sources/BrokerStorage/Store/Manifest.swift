import Glibc
import KafkaProtocol

/// Up to where a log is on the disk and need not be read again.
struct Checkpoint: Sendable, Equatable {
    /// The next offset there.
    var offset: Int64 = 0
    /// The segment that it lies in, and where in that.
    var segmentBase: Int64 = 0
    var position: Int64 = 0
    /// Whether there is a snapshot of the producers at `offset`; without one there were none.
    var hasSnapshot = false
    /// How many entries the segment's indexes have for what is below.
    var offsetEntries: Int32 = 0
    var timeEntries: Int32 = 0
    var abortedEntries: Int32 = 0
}

/// What the store knows of its logs beyond their files. Written as a whole or not at all; when it is lost, logs are read from their beginning.
struct Manifest: WireField, Equatable {
    struct Entry: WireField, Equatable {
        var topic = ""
        var partition: Int32 = 0
        var topicID = WireUUID()
        var startOffset: Int64 = 0
        var checkpoint = Checkpoint()
        /// Up to where the log is compacted; 0 in the first version.
        var firstDirty: Int64 = 0

        init() {}

        mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&topic)
            try coder.int32(&partition)
            try coder.uuid(&topicID)
            try coder.int64(&startOffset)
            try coder.int64(&checkpoint.offset)
            try coder.int64(&checkpoint.segmentBase)
            try coder.int64(&checkpoint.position)
            try coder.bool(&checkpoint.hasSnapshot)
            try coder.int32(&checkpoint.offsetEntries)
            try coder.int32(&checkpoint.timeEntries)
            try coder.int32(&checkpoint.abortedEntries)
            if coder.version >= 2 { try coder.int64(&firstDirty) }
        }
    }

    static let version: Int16 = 2
    /// More than a million partitions take.
    static let maximumSize = 512 << 20

    var entries: [Entry] = []

    init() {}

    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) { try coder.array(&entries) }

    /// Nil when there is none yet.
    static func read(_ path: String) throws(StorageError) -> Manifest? {
        guard FileSystem.size(path) != nil else { return nil }
        let bytes = try FileSystem.contents(path, limit: maximumSize)
        do { return try CheckedFile.decode(bytes, versions: 1...version) } catch { throw .corrupt(path: path, reason: "\(error)") }
    }
}
