import Glibc
import KafkaProtocol

/// The segment files of a partition's directory. Removes what an earlier process left half done.
struct SegmentListing {
    private let directory: String
    private var bases: [Int64] = []

    /// - Parameter snapshot: the offset of the producers' snapshot that is still needed.
    init(_ directory: String, keeping snapshot: Int64?) throws(StorageError) {
        self.directory = directory
        try SegmentSwap.recover(directory)
        var others: [(base: Int64, name: String)] = []
        for name in try FileSystem.list(directory) {
            let isOld = name.hasSuffix(".snapshot") && name != snapshot.map { ProducerSnapshot.name($0) }
            if isOld || name.hasSuffix(".deleted") || name.hasSuffix(".tmp") {
                try FileSystem.remove(directory + "/" + name)
                continue
            }
            guard let (base, file) = Self.parse(name) else { continue }
            if file == .log { bases.append(base) } else { others.append((base, name)) }
        }
        bases.sort()
        let known = Set(bases)
        for other in others where !known.contains(other.base) { try FileSystem.remove(directory + "/" + other.name) }
    }

    /// What a segment's file is named after; nil for another file.
    static func parse(_ name: String) -> (base: Int64, file: SegmentFile)? {
        guard let dot = name.firstIndex(of: "."), let base = offset(name[..<dot]), let file = SegmentFile(rawValue: String(name[dot...]))
        else {
            return nil
        }
        return (base, file)
    }

    /// Reads an offset in a file's name.
    static func offset(_ digits: Substring) -> Int64? {
        guard digits.utf8.count == 20, let offset = Int64(digits), offset >= 0, offset <= RecordBatchHeader.highestOffset else {
            return nil
        }
        return offset
    }

    func open(_ context: StorageContext) throws(StorageError) -> [Segment] {
        var segments: [Segment] = []
        for base in bases {
            let segment = Segment(baseOffset: base, directory: directory, context: context, size: 0)
            let path = segment.path(.log)
            guard let size = FileSystem.size(path) else { throw FileSystem.failure("look at", path) }
            segment.size = size
            segment.syncedSize = size
            segment.indexedPosition = size
            segments.append(segment)
        }
        return segments
    }
}

extension Segment {
    /// Takes as many entries of the index files as a checkpoint speaks of. False when the transactions' index has lost some: the others can do without.
    func adoptIndexes(_ checkpoint: Checkpoint, position: Int) -> Bool {
        guard position > 0 else { return true }
        let hasOffsets = offsets.adopt(path(.offsets), Int(checkpoint.offsetEntries))
        let hasTimes = times.adopt(path(.times), Int(checkpoint.timeEntries))
        isIndexChecked = true
        isIndexBroken = !hasOffsets || !hasTimes
        return aborted.adopt(path(.aborted), Int(checkpoint.abortedEntries))
    }

    /// The indexes are made anew while the log is read.
    func forgetIndexes() throws(StorageError) {
        try offsets.truncate(path(.offsets), to: 0)
        try times.truncate(path(.times), to: 0)
        try aborted.truncate(path(.aborted), to: 0)
        highest = .some(nil)
        firstTimestamp = nil
    }

    /// Takes the files out of the directory. Readers that have them go on.
    func remove() throws(StorageError) {
        context.files.close(self)
        for file in SegmentFile.allCases { try FileSystem.remove(path(file)) }
    }
}
