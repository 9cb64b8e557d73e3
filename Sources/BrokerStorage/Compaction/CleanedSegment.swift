import Glibc
import KafkaProtocol

/// The files of a cleaned segment while they are written, under names that nobody takes for a part of the log. On the cleaning thread.
struct CleanedSegment {
    private static let pieceSize = 1 << 20

    private let directory: String
    private let baseOffset: Int64
    private let indexIntervalBytes: Int
    private let log: OpenFile
    private var space: Int?
    private var buffer: [UInt8] = []
    private var offsets = IndexFile<OffsetEntry>()
    private var times = IndexFile<TimeEntry>()
    private var aborted = IndexFile<AbortedTransaction>()
    private var highest: TimeEntry?
    private var lastTime: Int64 = -1
    private var indexedPosition = 0
    /// Bytes.
    private(set) var size = 0

    /// - Parameter space: what the disk still takes, for tests; nil without limit.
    init(_ baseOffset: Int64, directory: String, indexIntervalBytes: Int, space: Int?) throws(StorageError) {
        self.baseOffset = baseOffset
        self.directory = directory
        self.indexIntervalBytes = indexIntervalBytes
        self.space = space
        // All files are made, also those that stay empty: each takes the place of an old one.
        for file in SegmentFile.allCases {
            _ = try FileSystem.open(Self.path(file, baseOffset, directory), O_WRONLY | O_CREAT | O_TRUNC)
        }
        log = try FileSystem.open(Self.path(.log, baseOffset, directory), O_WRONLY)
    }

    static func path(_ file: SegmentFile, _ baseOffset: Int64, _ directory: String) -> String {
        directory + "/" + Segment.name(baseOffset) + file.rawValue + SegmentSwap.cleanedSuffix
    }

    private func path(_ file: SegmentFile) -> String { Self.path(file, baseOffset, directory) }

    /// Appends a whole batch.
    /// - Parameter transaction: what the batch is the end of, when that is an abort.
    mutating func append(_ header: RecordBatchHeader, _ bytes: ArraySlice<UInt8>, ending transaction: AbortedTransaction?)
        throws(StorageError)
    {
        note(header)
        if let transaction { aborted.append(transaction) }
        buffer += bytes
        size += bytes.count
        if buffer.count >= Self.pieceSize { try flush() }
        if aborted.isDue { try aborted.store(path(.aborted)) }
    }

    /// Enters the batch into the indexes, as `Segment` does.
    private mutating func note(_ header: RecordBatchHeader) {
        let relative = UInt32(clamping: header.baseOffset - baseOffset)
        if header.recordCount > 0, header.maxTimestamp > (highest?.timestamp ?? -1) {
            highest = TimeEntry(timestamp: header.maxTimestamp, relativeOffset: relative)
        }
        guard size - indexedPosition >= indexIntervalBytes || size == 0 else { return }
        indexedPosition = size
        offsets.append(OffsetEntry(relativeOffset: relative, position: UInt32(clamping: size)))
        noteHighest()
    }

    private mutating func noteHighest() {
        guard let highest, highest.timestamp > lastTime else { return }
        lastTime = highest.timestamp
        times.append(highest)
    }

    private mutating func flush() throws(StorageError) {
        if let left = space {
            guard left >= buffer.count else { throw .full(path: path(.log)) }
            space = left - buffer.count
        }
        var failure: StorageError?
        buffer.withUnsafeBytes { bytes in
            do throws(StorageError) { try FileSystem.write(log, at: size - bytes.count, bytes, path: path(.log)) } catch { failure = error }
        }
        if let failure { throw failure }
        buffer.removeAll(keepingCapacity: true)
        if offsets.isDue { try offsets.store(path(.offsets)) }
        if times.isDue { try times.store(path(.times)) }
    }

    /// Writes the rest, and brings everything to the disk.
    /// - Parameter modified: when the last of the old files was written, milliseconds since 1970: retention asks for it where records have no times.
    mutating func finish(modified: Int64?) throws(StorageError) {
        try flush()
        noteHighest()
        try offsets.store(path(.offsets))
        try times.store(path(.times))
        try aborted.store(path(.aborted))
        if let modified {
            let time = timespec(tv_sec: Int(modified / 1000), tv_nsec: Int(modified % 1000) * 1_000_000)
            if futimens(log.descriptor, [time, time]) != 0 { throw FileSystem.failure("set the time of", path(.log)) }
        }
        for file in SegmentFile.allCases { try FileSystem.sync(path: path(file)) }
        try FileSystem.sync(path: directory)
    }

    /// Takes the files away.
    static func remove(_ baseOffset: Int64, directory: String) throws(StorageError) {
        for file in SegmentFile.allCases { try FileSystem.remove(path(file, baseOffset, directory)) }
    }
}
