/// What stands before the records of a batch (message format 2): https://kafka.apache.org/documentation/#recordbatch
public struct RecordBatchHeader: Sendable, Equatable {
    /// Bytes.
    public static let size = 61
    /// The base offset and the length, which `batchLength` does not count.
    public static let prefixSize = 12
    /// Where what the checksum covers begins: at the attributes.
    public static let checkedFrom = 21

    public var baseOffset: Int64 = 0
    /// The bytes after the field itself.
    public var batchLength: Int32 = Int32(size - prefixSize)
    public var partitionLeaderEpoch: Int32 = 0
    public var magic: Int8 = 2
    public var crc: UInt32 = 0
    public var attributes: Int16 = 0
    public var lastOffsetDelta: Int32 = 0
    /// Milliseconds since 1970, or -1.
    public var baseTimestamp: Int64 = -1
    public var maxTimestamp: Int64 = -1
    /// -1 without idempotence.
    public var producerID: Int64 = -1
    public var producerEpoch: Int16 = -1
    public var baseSequence: Int32 = -1
    public var recordCount: Int32 = 0

    public init() {}

    /// The whole batch in bytes.
    public var totalSize: Int { Int(batchLength) + Self.prefixSize }
    /// Wraps around in a header that `RecordBatch.verify` refuses.
    public var lastOffset: Int64 { baseOffset &+ Int64(lastOffsetDelta) }
    public var isTransactional: Bool { attributes & 0x10 != 0 }
    public var isControl: Bool { attributes & 0x20 != 0 }
    /// Whether the timestamps are the broker's.
    public var hasLogAppendTime: Bool { attributes & 0x08 != 0 }
    /// Whether `baseTimestamp` is the time from which on compaction removes the batch's tombstones, or the marker that it is; milliseconds since 1970.
    public var hasDeleteHorizon: Bool { attributes & 0x40 != 0 }
    /// As in the attributes: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; 5 to 7 are none that is known.
    public var compressionCode: Int16 { attributes & 0x07 }

    /// Reads the header at the start of `bytes`; nil when they are fewer than `size`. Checks nothing.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.size else { return nil }
        func number<Value: FixedWidthInteger>(_ offset: Int, _: Value.Type) -> Value {
            Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
        }
        baseOffset = number(0, Int64.self)
        batchLength = number(8, Int32.self)
        partitionLeaderEpoch = number(12, Int32.self)
        magic = number(16, Int8.self)
        crc = number(17, UInt32.self)
        attributes = number(21, Int16.self)
        lastOffsetDelta = number(23, Int32.self)
        baseTimestamp = number(27, Int64.self)
        maxTimestamp = number(35, Int64.self)
        producerID = number(43, Int64.self)
        producerEpoch = number(51, Int16.self)
        baseSequence = number(53, Int32.self)
        recordCount = number(57, Int32.self)
    }

    /// Writes the header to the start of `bytes`, which are at least `size`.
    public func write(to bytes: UnsafeMutableRawBufferPointer) {
        func put<Value: FixedWidthInteger>(_ value: Value, _ offset: Int) {
            bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Value.self)
        }
        put(baseOffset, 0)
        put(batchLength, 8)
        put(partitionLeaderEpoch, 12)
        put(magic, 16)
        put(crc, 17)
        put(attributes, 21)
        put(lastOffsetDelta, 23)
        put(baseTimestamp, 27)
        put(maxTimestamp, 35)
        put(producerID, 43)
        put(producerEpoch, 51)
        put(baseSequence, 53)
        put(recordCount, 57)
    }
}
