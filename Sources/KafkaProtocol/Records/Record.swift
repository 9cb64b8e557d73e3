/// One record of a batch. Its bytes are parts of the batch's buffer, or of what the batch decompresses to.
public struct Record: Sendable, Equatable {
    public var offset: Int64
    /// Milliseconds since 1970, or -1.
    public var timestamp: Int64
    public var key: ArraySlice<UInt8>?
    /// Nil for a tombstone.
    public var value: ArraySlice<UInt8>?
    public var headers: [RecordHeader]

    public init(offset: Int64, timestamp: Int64, key: ArraySlice<UInt8>?, value: ArraySlice<UInt8>?, headers: [RecordHeader] = []) {
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// A header of a record; several may have the same key.
public struct RecordHeader: Sendable, Equatable {
    public var key: String
    public var value: ArraySlice<UInt8>?

    public init(_ key: String, _ value: ArraySlice<UInt8>?) {
        self.key = key
        self.value = value
    }
}

/// Where the parts of a record lie in the uncompressed bytes of a batch, counted from their start.
public struct RecordLayout: Sendable, Equatable {
    /// All of the record, its length included.
    public var whole: Range<Int>
    /// Where its attributes are, from the record's start: behind its length.
    var attributesOffset: Int
    /// Where its offset delta is, from the record's start: behind the timestamp.
    var restOffset: Int
    /// From the batch's base timestamp, milliseconds.
    public var timestampDelta: Int64
    public var offsetDelta: Int32
    public var key: Range<Int>?
    /// Nil for a tombstone.
    public var value: Range<Int>?
    public var headerCount: Int
    public var headers: Range<Int>
}
