extension UnsafeRawBufferPointer {
    func number<Value: FixedWidthInteger>(_ offset: Int, _: Value.Type = Value.self) -> Value {
        Value(bigEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}

extension UnsafeMutableRawBufferPointer {
    func put<Value: FixedWidthInteger>(_ value: Value, _ offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: Value.self)
    }
}

/// Where a batch lies in its segment.
struct OffsetEntry: IndexEntry {
    static let size = 8
    /// The batch's base offset, from the segment's.
    var relativeOffset: UInt32
    /// Bytes.
    var position: UInt32

    init(relativeOffset: UInt32, position: UInt32) {
        self.relativeOffset = relativeOffset
        self.position = position
    }

    init(_ bytes: UnsafeRawBufferPointer) {
        relativeOffset = bytes.number(0)
        position = bytes.number(4)
    }

    func write(to bytes: UnsafeMutableRawBufferPointer) {
        bytes.put(relativeOffset, 0)
        bytes.put(position, 4)
    }
}

/// The highest timestamp of a segment so far, and the batch that has it first.
struct TimeEntry: IndexEntry {
    static let size = 12
    /// Milliseconds since 1970.
    var timestamp: Int64
    /// The batch's base offset, from the segment's.
    var relativeOffset: UInt32

    init(timestamp: Int64, relativeOffset: UInt32) {
        self.timestamp = timestamp
        self.relativeOffset = relativeOffset
    }

    init(_ bytes: UnsafeRawBufferPointer) {
        timestamp = bytes.number(0)
        relativeOffset = bytes.number(8)
    }

    func write(to bytes: UnsafeMutableRawBufferPointer) {
        bytes.put(timestamp, 0)
        bytes.put(relativeOffset, 8)
    }
}

/// A transaction whose records are not to be seen; it stands in the index of the segment that has its end.
struct AbortedTransaction: IndexEntry {
    static let size = 34
    var producerID: Int64
    var firstOffset: Int64
    /// Of the batch that ended it.
    var lastOffset: Int64
    /// What was stable when it ended.
    var lastStableOffset: Int64

    init(producerID: Int64, firstOffset: Int64, lastOffset: Int64, lastStableOffset: Int64) {
        self.producerID = producerID
        self.firstOffset = firstOffset
        self.lastOffset = lastOffset
        self.lastStableOffset = lastStableOffset
    }

    init(_ bytes: UnsafeRawBufferPointer) {
        producerID = bytes.number(2)
        firstOffset = bytes.number(10)
        lastOffset = bytes.number(18)
        lastStableOffset = bytes.number(26)
    }

    func write(to bytes: UnsafeMutableRawBufferPointer) {
        bytes.put(Int16(0), 0)
        bytes.put(producerID, 2)
        bytes.put(firstOffset, 10)
        bytes.put(lastOffset, 18)
        bytes.put(lastStableOffset, 26)
    }
}
