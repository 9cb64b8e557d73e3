import CSystem

/// One whole record batch in a buffer. It checks nothing but its header's length until it is asked to.
public struct RecordBatch: Sendable {
    public let header: RecordBatchHeader
    /// The header included.
    public let bytes: ArraySlice<UInt8>

    /// Takes the batch at the start of `bytes`. Throws when they end before it does.
    public init(_ bytes: ArraySlice<UInt8>) throws(WireError) {
        guard let header = bytes.withBytes({ RecordBatchHeader($0) }) else {
            throw WireError("\(bytes.count) bytes are no record batch: its header has \(RecordBatchHeader.size)", at: bytes.startIndex)
        }
        guard header.totalSize >= RecordBatchHeader.size, header.totalSize <= bytes.count else {
            throw WireError("a record batch of \(header.totalSize) bytes, with \(bytes.count) left", at: bytes.startIndex)
        }
        self.header = header
        self.bytes = bytes.prefix(header.totalSize)
    }

    /// All batches in a buffer. Throws when the last one is cut off.
    public static func split(_ bytes: ArraySlice<UInt8>) throws(BatchError) -> [RecordBatch] {
        var batches: [RecordBatch] = []
        var rest = bytes
        while !rest.isEmpty {
            do {
                let batch = try RecordBatch(rest)
                batches.append(batch)
                rest = rest.dropFirst(batch.bytes.count)
            } catch { throw .corrupt(error.reason) }
        }
        return batches
    }

    /// The checksum of what it covers.
    public var computedCRC: UInt32 {
        bytes.withBytes { csystem_crc32c(0, $0.baseAddress! + RecordBatchHeader.checkedFrom, $0.count - RecordBatchHeader.checkedFrom) }
    }

    /// Checks the header and the checksum; not the records.
    public func verify() throws(BatchError) {
        guard header.magic == 2 else {
            guard header.magic == 0 || header.magic == 1 else { throw .corrupt("message format \(header.magic) is not known") }
            throw BatchError(
                .unsupportedForMessageFormat,
                "message format \(header.magic) is not taken any more: a producer of Kafka 0.11 or later writes format 2")
        }
        guard computedCRC == header.crc else { throw .corrupt("the checksum of a batch is \(computedCRC), and it says \(header.crc)") }
        guard compression != nil else {
            throw BatchError(.unsupportedCompressionType, "compression \(header.compressionCode) is not known")
        }
        guard header.baseOffset >= 0, header.lastOffsetDelta >= 0, header.lastOffset >= 0 else {
            throw .invalid("offsets from \(header.baseOffset) with a delta of \(header.lastOffsetDelta)")
        }
        guard header.recordCount >= 0, Int(header.recordCount) <= Int(header.lastOffsetDelta) + 1 else {
            throw .invalid("\(header.recordCount) records for a last offset delta of \(header.lastOffsetDelta)")
        }
    }

    /// Nil for a code that is not known.
    public var compression: Compression? { Compression(rawValue: header.compressionCode) }

    /// The records' bytes, decompressed. Throws when they are more than `maximumBytes`.
    public func content(maximumBytes: Int) throws(BatchError) -> ArraySlice<UInt8> {
        let content = bytes.dropFirst(RecordBatchHeader.size)
        guard let compression else {
            throw BatchError(.unsupportedCompressionType, "compression \(header.compressionCode) is not known")
        }
        if compression == .none {
            guard content.count <= maximumBytes else { throw .tooLarge(maximumBytes) }
            return content
        }
        return try compression.decompress(content, maximumBytes: maximumBytes)[...]
    }

    /// The records. Throws when their bytes are wrong, or decompress to more than `maximumBytes`.
    public func records(maximumBytes: Int) throws(BatchError) -> [Record] {
        let content = try content(maximumBytes: maximumBytes)
        var records: [Record] = []
        try scan(content) { (layout) throws(BatchError) in
            records.append(
                Record(
                    offset: header.baseOffset &+ Int64(layout.offsetDelta), timestamp: timestamp(of: layout),
                    key: layout.key.map { content.part($0) },
                    value: layout.value.map { content.part($0) }, headers: try RecordCursor.headers(layout, in: content)))
        }
        return records
    }

    /// Goes through the records of the batch without a copy. Throws when their bytes are wrong, or not as many as the header says.
    /// - Parameter content: what `content(maximumBytes:)` gave.
    public func scan(_ content: ArraySlice<UInt8>, _ body: (RecordLayout) throws(BatchError) -> Void) throws(BatchError) {
        try content.withBytes { (bytes) throws(BatchError) in
            var cursor = RecordCursor(bytes)
            var previous: Int32 = -1
            for _ in 0..<max(0, header.recordCount) {
                let record = try cursor.record()
                guard record.offsetDelta > previous, record.offsetDelta <= header.lastOffsetDelta else {
                    throw .invalid(
                        "offset delta \(record.offsetDelta) after \(previous), the last of the batch being \(header.lastOffsetDelta)")
                }
                previous = record.offsetDelta
                try body(record)
            }
            guard cursor.isAtEnd else { throw .invalid("bytes follow the \(header.recordCount) records of a batch") }
        }
    }

    /// Milliseconds since 1970: the record's own, or when the broker appended the batch.
    public func timestamp(of record: RecordLayout) -> Int64 {
        header.hasLogAppendTime ? header.maxTimestamp : header.baseTimestamp &+ record.timestampDelta
    }
}
