import CSystem
import Glibc
import KafkaProtocol

/// Goes through a segment file of which nothing is known, and checks each batch whole. Its memory is bounded whatever the bytes say.
struct BatchVerifier {
    enum Step {
        case batch(RecordBatchHeader, position: Int, control: ControlRecord?)
        case end
        /// The file has no whole batch at `position`.
        case damage(String)
    }

    private static let bufferSize = 1 << 20
    private static let maximumControlSize = 64 << 10

    private let segment: Segment
    private let file: OpenFile
    private let end: Int
    private(set) var position: Int
    private var buffer: [UInt8]
    private var bufferStart = 0
    private var filled = 0

    init(_ segment: Segment, from position: Int, to end: Int) throws(StorageError) {
        self.segment = segment
        self.position = position
        self.end = end
        file = try segment.file()
        buffer = [UInt8](repeating: 0, count: max(RecordBatchHeader.size, min(Self.bufferSize, end - position)))
    }

    /// - Parameter lowestOffset: what the batch may begin with; exactly that when `isDense`.
    mutating func next(lowestOffset: Int64, isDense: Bool) throws(StorageError) -> Step {
        guard position < end else { return .end }
        guard end - position >= RecordBatchHeader.size else { return .damage("\(end - position) bytes are no batch") }
        try fill(RecordBatchHeader.size)
        let offset = position - bufferStart
        guard filled - offset >= RecordBatchHeader.size,
            let header = buffer.withUnsafeBytes({ RecordBatchHeader(UnsafeRawBufferPointer(rebasing: $0.dropFirst(offset))) })
        else { return .damage("the file ends in a header") }
        if let reason = header.problem(lowestOffset: lowestOffset) { return .damage(reason) }
        guard !isDense || header.baseOffset == lowestOffset else {
            return .damage("offset \(header.baseOffset) where \(lowestOffset) is expected")
        }
        guard header.totalSize <= end - position else {
            return .damage("a batch of \(header.totalSize) bytes, with \(end - position) left")
        }
        guard try checksum(header) == header.crc else { return .damage("the checksum of a batch is wrong") }
        let control: ControlRecord?
        do throws(BatchError) { control = try self.control(header) } catch { return .damage(error.reason) }
        defer { position += header.totalSize }
        return .batch(header, position: position, control: control)
    }

    private mutating func checksum(_ header: RecordBatchHeader) throws(StorageError) -> UInt32 {
        if header.totalSize <= buffer.count { try fill(header.totalSize) }
        var crc: UInt32 = 0
        var next = position + RecordBatchHeader.checkedFrom
        let last = position + header.totalSize
        var rest: [UInt8] = []
        while next < last {
            let offset = next - bufferStart
            if offset >= 0 && offset < filled {
                let count = min(last - next, filled - offset)
                crc = buffer.withUnsafeBytes { csystem_crc32c(crc, $0.baseAddress! + offset, count) }
                next += count
                continue
            }
            // A batch that is larger than the buffer: the header stays where it is, and the rest goes through another.
            let (bytes, count) = try piece(at: next, min(last - next, Self.bufferSize), reusing: rest)
            rest = bytes
            if count == 0 { return ~header.crc }
            crc = rest.withUnsafeBytes { csystem_crc32c(crc, $0.baseAddress!, count) }
            next += count
        }
        return crc
    }

    private func control(_ header: RecordBatchHeader) throws(BatchError) -> ControlRecord? {
        guard header.isControl else { return nil }
        let offset = position - bufferStart
        guard header.totalSize <= Self.maximumControlSize, offset + header.totalSize <= filled else {
            throw BatchError(.corruptMessage, "a control batch of \(header.totalSize) bytes")
        }
        let batch: RecordBatch
        do { batch = try RecordBatch(buffer[offset..<offset + header.totalSize]) } catch { throw BatchError(.corruptMessage, error.reason) }
        return try ControlRecord(batch)
    }

    /// Has `count` bytes from `position` on in the buffer, if the file has them.
    private mutating func fill(_ count: Int) throws(StorageError) {
        if position >= bufferStart && position + count <= bufferStart + filled { return }
        (buffer, filled) = try piece(at: position, min(buffer.count, end - position), reusing: buffer)
        bufferStart = position
    }

    private func piece(at position: Int, _ count: Int, reusing bytes: consuming [UInt8]) throws(StorageError) -> ([UInt8], Int) {
        var bytes = bytes
        if bytes.count < count { bytes = [UInt8](repeating: 0, count: count) }
        var result: Result<Int, StorageError> = .success(0)
        bytes.withUnsafeMutableBytes { bytes in
            do throws(StorageError) {
                let target = UnsafeMutableRawBufferPointer(rebasing: bytes.prefix(count))
                result = .success(try FileSystem.read(file, at: position, into: target, path: segment.path(.log)))
            } catch { result = .failure(error) }
        }
        return (bytes, try result.get())
    }
}
