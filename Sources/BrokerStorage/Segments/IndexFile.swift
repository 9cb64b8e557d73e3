import Glibc
import KafkaProtocol

/// What stands in an index file: numbers of a fixed size, the highest byte first.
protocol IndexEntry: Sendable, Equatable {
    static var size: Int { get }
    init(_ bytes: UnsafeRawBufferPointer)
    func write(to bytes: UnsafeMutableRawBufferPointer)
}

/// A file of entries in rising order, the last of which may still be in memory. It follows from the log, so nothing is lost with it.
///
/// The path is given to each call: a segment has three of these, and paths take more memory than they.
struct IndexFile<Entry: IndexEntry> {
    /// Entries in memory are written when there are so many.
    static var maximumTail: Int { 128 }
    /// So many are read at once where many follow.
    private static var maximumPiece: Int { 256 }

    /// How many entries the file has; nil as long as nobody looked.
    private(set) var stored: Int?
    private(set) var tail: [Entry] = []

    /// How many entries the file at `path` has, were it whole.
    private mutating func loaded(_ path: String) -> Int {
        if let stored { return stored }
        let count = (FileSystem.size(path) ?? 0) / Entry.size
        stored = count
        return count
    }

    mutating func count(_ path: String) -> Int { loaded(path) + tail.count }
    mutating func isEmpty(_ path: String) -> Bool { count(path) == 0 }

    mutating func append(_ entry: Entry) { tail.append(entry) }

    /// Whether the entries in memory should be written.
    var isDue: Bool { tail.count >= Self.maximumTail }

    /// Writes what is in memory; keeps it there when that fails.
    mutating func store(_ path: String) throws(StorageError) {
        guard !tail.isEmpty else { return }
        let position = loaded(path) * Entry.size
        let file = try FileSystem.open(path, O_WRONLY | O_CREAT)
        var bytes = [UInt8](repeating: 0, count: tail.count * Entry.size)
        var failure: StorageError?
        bytes.withUnsafeMutableBytes { bytes in
            for (index, entry) in tail.enumerated() {
                entry.write(to: UnsafeMutableRawBufferPointer(rebasing: bytes[index * Entry.size..<(index + 1) * Entry.size]))
            }
            do throws(StorageError) { try FileSystem.write(file, at: position, UnsafeRawBufferPointer(bytes), path: path) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        stored = loaded(path) + tail.count
        tail = []
    }

    /// Forgets what is in memory, when it cannot be written and is too much.
    mutating func dropTail() { tail = [] }

    /// Leaves the first `count` entries.
    mutating func truncate(_ path: String, to count: Int) throws(StorageError) {
        let stored = loaded(path)
        tail = Array(tail.prefix(max(0, count - stored)))
        // The file may be longer than its entries.
        if FileSystem.size(path) ?? 0 > min(count, stored) * Entry.size {
            try FileSystem.truncate(path, to: min(count, stored) * Entry.size)
        }
        self.stored = min(count, stored)
    }

    /// Takes the first `count` entries of the file, and cuts off the rest. False when it has fewer; then it takes what is there.
    mutating func adopt(_ path: String, _ count: Int) -> Bool {
        let bytes = FileSystem.size(path) ?? 0
        tail = []
        stored = min(max(0, count), bytes / Entry.size)
        if bytes > (stored ?? 0) * Entry.size { try? FileSystem.truncate(path, to: (stored ?? 0) * Entry.size) }
        return stored == count
    }

    /// How many entries from the first one on fulfil a condition that no entry after them does.
    mutating func count(_ path: String, where holds: (Entry) -> Bool) throws(StorageError) -> Int {
        let stored = loaded(path)
        if let first = tail.first, holds(first) { return stored + Self.boundary(tail.count) { holds(tail[$0]) } }
        if stored == 0 { return 0 }
        return try Self.count(try FileSystem.open(path, O_RDONLY), stored, path, where: holds)
    }

    private static func count(_ file: OpenFile, _ stored: Int, _ path: String, where holds: (Entry) -> Bool) throws(StorageError) -> Int {
        var low = 0
        var high = stored
        while low < high {
            let middle = low + (high - low) / 2
            if holds(try entry(file, middle, path)) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Gives `body` the entries that follow those which fulfil a condition, as in `count`, until it returns false. The file is opened once.
    mutating func forEach(_ path: String, after holds: (Entry) -> Bool, do body: (Entry) -> Bool) throws(StorageError) {
        let stored = loaded(path)
        if stored > 0, tail.first.map({ !holds($0) }) ?? true {
            let file = try FileSystem.open(path, O_RDONLY)
            var next = try Self.count(file, stored, path, where: holds)
            while next < stored {
                let piece = try Self.entries(file, next..<min(next + Self.maximumPiece, stored), path)
                for entry in piece { guard body(entry) else { return } }
                next += piece.count
            }
        }
        for entry in tail.dropFirst(Self.boundary(tail.count) { holds(tail[$0]) }) { guard body(entry) else { return } }
    }

    private static func boundary(_ count: Int, _ holds: (Int) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if holds(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The last entry that fulfils a condition that no entry after it does.
    mutating func last(_ path: String, where holds: (Entry) -> Bool) throws(StorageError) -> Entry? {
        let count = try count(path, where: holds)
        return count == 0 ? nil : try entry(path, count - 1)
    }

    mutating func last(_ path: String) throws(StorageError) -> Entry? {
        let count = count(path)
        return count == 0 ? nil : try entry(path, count - 1)
    }

    mutating func entry(_ path: String, _ index: Int) throws(StorageError) -> Entry {
        let stored = loaded(path)
        if index >= stored { return tail[index - stored] }
        return try Self.entry(try FileSystem.open(path, O_RDONLY), index, path)
    }

    private static func entry(_ file: OpenFile, _ index: Int, _ path: String) throws(StorageError) -> Entry {
        try read(file, index..<index + 1, path) { Entry($0) }
    }

    private static func entries(_ file: OpenFile, _ range: Range<Int>, _ path: String) throws(StorageError) -> [Entry] {
        try read(file, range, path) { bytes in
            (0..<range.count).map { Entry(UnsafeRawBufferPointer(rebasing: bytes[$0 * Entry.size..<($0 + 1) * Entry.size])) }
        }
    }

    private static func read<Value>(_ file: OpenFile, _ range: Range<Int>, _ path: String, _ value: (UnsafeRawBufferPointer) -> Value)
        throws(StorageError) -> Value
    {
        try withUnsafeTemporaryAllocation(byteCount: range.count * Entry.size, alignment: 8) { (bytes) -> Result<Value, StorageError> in
            do throws(StorageError) {
                guard try FileSystem.read(file, at: range.lowerBound * Entry.size, into: bytes, path: path) == bytes.count else {
                    throw .corrupt(path: path, reason: "it ends before its entry \(range.upperBound - 1)")
                }
                return .success(value(UnsafeRawBufferPointer(bytes)))
            } catch { return .failure(error) }
        }.get()
    }
}
