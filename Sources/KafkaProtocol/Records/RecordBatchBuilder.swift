import CSystem

/// Makes a record batch.
public struct RecordBatchBuilder {
    private var header = RecordBatchHeader()
    private var content: [UInt8] = []
    private let compression: Compression

    /// - Parameters:
    ///   - timestamp: what the records' timestamps count from; milliseconds since 1970.
    ///   - producerID: -1 without idempotence, as epoch and sequence.
    public init(
        baseOffset: Int64 = 0, timestamp: Int64, producerID: Int64 = -1, producerEpoch: Int16 = -1, baseSequence: Int32 = -1,
        isTransactional: Bool = false, isControl: Bool = false, compression: Compression = .none
    ) {
        header.baseOffset = baseOffset
        header.baseTimestamp = timestamp
        header.producerID = producerID
        header.producerEpoch = producerEpoch
        header.baseSequence = baseSequence
        header.attributes = compression.rawValue | (isTransactional ? 0x10 : 0) | (isControl ? 0x20 : 0)
        header.lastOffsetDelta = -1
        self.compression = compression
    }

    /// How large the batch is so far, uncompressed.
    public var size: Int { RecordBatchHeader.size + content.count }
    public var isEmpty: Bool { header.recordCount == 0 }

    /// - Parameter timestamp: milliseconds since 1970; the builder's when nil.
    public mutating func append(key: [UInt8]?, value: [UInt8]?, headers: [RecordHeader] = [], timestamp: Int64? = nil) {
        let timestamp = timestamp ?? header.baseTimestamp
        header.lastOffsetDelta += 1
        header.recordCount += 1
        header.maxTimestamp = max(header.maxTimestamp, timestamp)
        var body: [UInt8] = [0]
        body.appendVarint(timestamp &- header.baseTimestamp)
        body.appendVarint(Int64(header.lastOffsetDelta))
        body.appendField(key.map { $0[...] })
        body.appendField(value.map { $0[...] })
        body.appendVarint(Int64(headers.count))
        for one in headers {
            body.appendField(Array(one.key.utf8)[...])
            body.appendField(one.value)
        }
        content.appendVarint(Int64(body.count))
        content += body
    }

    /// The batch, with its checksum.
    public func finish() -> [UInt8] {
        var header = header
        header.lastOffsetDelta = max(0, header.lastOffsetDelta)
        return header.batch(compression.compress(content[...]))
    }
}

extension RecordBatchHeader {
    /// A batch of this header, with its length and checksum set, and the records' bytes as they are.
    public func batch(_ records: [UInt8]) -> [UInt8] {
        var header = self
        header.batchLength = Int32(Self.size - Self.prefixSize + records.count)
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.reserveCapacity(Self.size + records.count)
        bytes += records
        bytes.withUnsafeMutableBytes { buffer in
            header.write(to: buffer)
            header.crc = csystem_crc32c(0, buffer.baseAddress! + Self.checkedFrom, buffer.count - Self.checkedFrom)
            header.write(to: buffer)
        }
        return bytes
    }
}

extension [UInt8] {
    /// At most 64 bits, 7 in a byte, the lowest first; the lowest bit is the sign.
    mutating func appendVarint(_ value: Int64) {
        var rest = UInt64(bitPattern: value << 1) ^ UInt64(bitPattern: value >> 63)
        while rest > 0x7f {
            append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    /// Bytes with their length in front, -1 for nil.
    fileprivate mutating func appendField(_ bytes: ArraySlice<UInt8>?) {
        guard let bytes else { return appendVarint(-1) }
        appendVarint(Int64(bytes.count))
        self += bytes
    }
}
