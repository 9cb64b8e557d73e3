import Glibc
import KafkaProtocol

/// Goes through the headers of a segment's batches. Reads in larger pieces when batches are small.
struct BatchScanner {
    private let segment: Segment
    private let file: OpenFile
    private let end: Int
    let start: Int
    /// Of the next batch.
    private(set) var position: Int
    private var lowestOffset: Int64
    private var buffer: [UInt8] = []
    private var bufferStart = 0
    private var pieceSize = 4096
    private static let largestPiece = 64 << 10

    /// - Parameter position: where a batch begins.
    init(_ segment: Segment, from position: Int, to end: Int? = nil) throws(StorageError) {
        self.segment = segment
        self.position = position
        start = position
        self.end = min(end ?? segment.size, segment.size)
        file = try segment.file()
        lowestOffset = segment.baseOffset
    }

    /// The next batch and where it begins; nil at the end. Throws `corrupt` when there is something else.
    mutating func next() throws(StorageError) -> (RecordBatchHeader, position: Int)? {
        guard position < end else { return nil }
        guard let header = try header() else { throw damage("\(end - position) bytes are no batch") }
        if let reason = header.problem(lowestOffset: lowestOffset) { throw damage(reason) }
        guard header.totalSize <= segment.size - position else {
            throw damage("a batch of \(header.totalSize) bytes, with \(segment.size - position) left")
        }
        defer { position += header.totalSize }
        lowestOffset = header.lastOffset + 1
        return (header, position)
    }

    private func damage(_ reason: String) -> StorageError { .corrupt(path: segment.path(.log), reason: "\(reason) at byte \(position)") }

    private mutating func header() throws(StorageError) -> RecordBatchHeader? {
        if position < bufferStart || position + RecordBatchHeader.size > bufferStart + buffer.count { try fill() }
        return buffer.withUnsafeBytes { RecordBatchHeader(UnsafeRawBufferPointer(rebasing: $0.dropFirst(position - bufferStart))) }
    }

    private mutating func fill() throws(StorageError) {
        // Only batches that lie close together are worth a larger piece.
        let isNear = position - bufferStart <= buffer.count + RecordBatchHeader.size
        pieceSize = isNear && !buffer.isEmpty ? min(pieceSize * 4, Self.largestPiece) : 4096
        let count = min(pieceSize, segment.size - position)
        var failure: StorageError?
        buffer = [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
            do throws(StorageError) {
                let piece = UnsafeMutableRawBufferPointer(start: bytes.baseAddress, count: count)
                filled = try FileSystem.read(file, at: position, into: piece, path: segment.path(.log))
            } catch { failure = error }
        }
        bufferStart = position
        if let failure { throw failure }
    }
}

extension RecordBatchHeader {
    /// Offsets beyond this are nobody's: sums with them stay in range.
    static let highestOffset = Int64(1) << 62

    /// Why this cannot be the header of a stored batch; nil when it can.
    func problem(lowestOffset: Int64) -> String? {
        if magic != 2 { return "message format \(magic)" }
        if Int(batchLength) < Self.size - Self.prefixSize { return "a batch of length \(batchLength)" }
        if baseOffset < lowestOffset || baseOffset > Self.highestOffset { return "offset \(baseOffset) where \(lowestOffset) is expected" }
        if lastOffsetDelta < 0 { return "a last offset delta of \(lastOffsetDelta)" }
        return nil
    }
}
