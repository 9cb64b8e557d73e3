import Glibc
import KafkaProtocol

/// A segment's files, told apart by the ends of their names.
enum SegmentFile: String, CaseIterable {
    case log = ".log"
    case offsets = ".index"
    case times = ".timeindex"
    case aborted = ".txnindex"
}

/// A stretch of a log: a file of record batches, and what finds them. On the broker's thread.
final class Segment {
    /// What the files are named after; no offset in them is lower.
    let baseOffset: Int64
    let directory: String
    let context: StorageContext
    /// Of whole batches, in bytes. The file may be longer when a write failed.
    var size: Int
    /// How much of it survives a power cut.
    var syncedSize: Int

    var offsets = IndexFile<OffsetEntry>()
    var times = IndexFile<TimeEntry>()
    var aborted = IndexFile<AbortedTransaction>()
    /// What `times` ends with, or should: the highest timestamp; nil as long as nobody looked.
    var highest: TimeEntry??
    /// Of the first batch; nil as long as nobody looked.
    var firstTimestamp: Int64?
    /// When the first batch was appended, milliseconds since 1970; nil as long as nobody looked.
    var begun: Int64?
    /// Where the last entry of `offsets` points to, or the size when the segment was opened.
    var indexedPosition: Int
    var isIndexChecked = false
    /// Whether the indexes lack what they once had.
    var isIndexBroken = false

    /// These belong to the cache of open files.
    var openFile: OpenFile?
    var isRecentlyUsed = false

    init(baseOffset: Int64, directory: String, context: StorageContext, size: Int) {
        self.baseOffset = baseOffset
        self.directory = directory
        self.context = context
        self.size = size
        syncedSize = size
        indexedPosition = size
    }

    static let maximumRelativeOffset = Int64(Int32.max)

    func path(_ file: SegmentFile) -> String { directory + "/" + Segment.name(baseOffset) + file.rawValue }

    /// 20 digits, so that names sort as offsets do.
    static func name(_ offset: Int64) -> String {
        let digits = String(offset)
        return String(repeating: "0", count: max(0, 20 - digits.utf8.count)) + digits
    }

    func file() throws(StorageError) -> OpenFile { try context.files.use(self) }

    func relative(_ offset: Int64) -> UInt32 { UInt32(clamping: offset &- baseOffset) }

    /// Writes a batch behind the last one: the header as given, then the rest of `bytes`, whose first bytes the header stands for.
    func write(_ header: RecordBatchHeader, _ bytes: ArraySlice<UInt8>) throws(StorageError) {
        if isIndexBroken { rebuildIndexes("entries are missing") }
        let file = try file()
        let number = withUnsafeTemporaryAllocation(byteCount: RecordBatchHeader.size, alignment: 8) { head in
            header.write(to: head)
            return bytes.withUnsafeBytes { bytes in
                put(file, head, UnsafeRawBufferPointer(rebasing: bytes.dropFirst(RecordBatchHeader.size)))
            }
        }
        guard number == 0 else {
            // Nothing depends on this: what stands behind the end is written over, or cut by recovery.
            ftruncate(file.descriptor, size)
            throw FileSystem.failure("write", path(.log), number)
        }
        note(header, at: size)
        size += bytes.count
    }

    /// Returns 0 when all was written, or errno.
    private func put(_ file: OpenFile, _ head: UnsafeMutableRawBufferPointer, _ body: UnsafeRawBufferPointer) -> Int32 {
        var total = head.count + body.count
        var shortage: Int32 = 0
        if let space = context.simulatedSpace, space < total {
            (total, shortage) = (space, ENOSPC)
        }
        var written = 0
        while written < total {
            let count =
                written < head.count
                ? write(
                    file, UnsafeRawBufferPointer(rebasing: head[written..<min(head.count, total)]), body.prefix(max(0, total - head.count)),
                    at: size + written)
                : pwrite(file.descriptor, body.baseAddress! + (written - head.count), total - written, size + written)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return errno }
            written += count
        }
        context.simulatedSpace = context.simulatedSpace.map { $0 - total }
        return shortage
    }

    private func write(_ file: OpenFile, _ first: UnsafeRawBufferPointer, _ second: Slice<UnsafeRawBufferPointer>, at position: Int) -> Int
    {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { parts in
            parts[0] = iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count)
            let rest = UnsafeRawBufferPointer(rebasing: second)
            parts[1] = iovec(iov_base: UnsafeMutableRawPointer(mutating: rest.baseAddress), iov_len: rest.count)
            return pwritev(file.descriptor, parts.baseAddress, rest.isEmpty ? 1 : 2, position)
        }
    }

    /// Reads the header at `position`; nil when the segment ends before.
    func header(at position: Int) throws(StorageError) -> RecordBatchHeader? {
        guard position >= 0, position + RecordBatchHeader.size <= size else { return nil }
        let file = try file()
        return try withUnsafeTemporaryAllocation(byteCount: RecordBatchHeader.size, alignment: 8) {
            bytes -> Result<RecordBatchHeader?, StorageError> in
            do throws(StorageError) {
                guard try FileSystem.read(file, at: position, into: bytes, path: path(.log)) == bytes.count else { return .success(nil) }
                return .success(RecordBatchHeader(UnsafeRawBufferPointer(bytes)))
            } catch { return .failure(error) }
        }.get()
    }
}
