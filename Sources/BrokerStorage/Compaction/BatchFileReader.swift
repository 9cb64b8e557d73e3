import Glibc
import KafkaProtocol

/// Reads the batches of a segment file one after another, and checks them. Its memory is bounded whatever the bytes say. On any thread.
struct BatchFileReader {
    private static let pieceSize = 1 << 20
    /// Of a batch. Producers' are smaller by far; what says more is damaged.
    private static let maximumBatch = PartitionLog.maximumUncompressedBytes

    private let path: String
    private let file: OpenFile
    private let size: Int
    private var lowestOffset: Int64
    private var position = 0
    private var buffer: [UInt8] = []
    private var bufferStart = 0

    /// - Parameter size: of the whole batches in the file.
    init(_ path: String, baseOffset: Int64, size: Int) throws(StorageError) {
        self.path = path
        self.size = size
        lowestOffset = baseOffset
        file = try FileSystem.open(path, O_RDONLY)
    }

    /// Nil at the end. Throws `corrupt` for what is no whole batch.
    mutating func next() throws(StorageError) -> RecordBatch? {
        guard position < size else { return nil }
        try fill(RecordBatchHeader.size)
        let header = buffer.withUnsafeBytes { RecordBatchHeader(UnsafeRawBufferPointer(rebasing: $0.dropFirst(position - bufferStart))) }
        guard let header else { throw damage("\(size - position) bytes are no batch") }
        if let reason = header.problem(lowestOffset: lowestOffset) { throw damage(reason) }
        guard header.totalSize <= min(size - position, Self.maximumBatch) else {
            throw damage("a batch of \(header.totalSize) bytes, with \(size - position) left")
        }
        try fill(header.totalSize)
        let batch: RecordBatch
        do { batch = try RecordBatch(buffer[(position - bufferStart)...]) } catch { throw damage(error.reason) }
        do { try batch.verify() } catch { throw damage(error.reason) }
        position += header.totalSize
        lowestOffset = header.lastOffset + 1
        return batch
    }

    private func damage(_ reason: String) -> StorageError { .corrupt(path: path, reason: "\(reason) at byte \(position)") }

    /// Has `count` bytes from `position` on in the buffer, if the file has them.
    private mutating func fill(_ count: Int) throws(StorageError) {
        if position >= bufferStart && position + count <= bufferStart + buffer.count { return }
        let wanted = min(max(count, Self.pieceSize), size - position)
        var failure: StorageError?
        buffer = [UInt8](unsafeUninitializedCapacity: wanted) { bytes, filled in
            do throws(StorageError) {
                let piece = UnsafeMutableRawBufferPointer(start: bytes.baseAddress, count: wanted)
                filled = try FileSystem.read(file, at: position, into: piece, path: path)
            } catch { failure = error }
        }
        bufferStart = position
        if let failure { throw failure }
        if buffer.count < wanted { throw damage("the file ends early") }
    }
}
