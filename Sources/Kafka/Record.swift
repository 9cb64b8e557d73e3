/// One header of a record. Names may repeat; a null value and an empty one differ.
public struct Header: Hashable, Sendable {
    public let name: String
    public let value: [UInt8]?

    public init(_ name: String, _ value: [UInt8]?) {
        self.name = name
        self.value = value
    }

    public init(_ name: String, text: String) { self.init(name, Array(text.utf8)) }
}

/// The timestamp of a record, as the broker gave it.
public struct RecordTimestamp: Hashable, Sendable {
    public enum Kind: Sendable {
        /// The record has no timestamp.
        case none
        /// When the producer made the record.
        case created
        /// When the broker appended it.
        case appended
    }
    public let kind: Kind
    /// Since 1970-01-01T00:00:00Z; -1 when there is none.
    public let milliseconds: Int64

    public init(kind: Kind, milliseconds: Int64) {
        self.kind = kind
        self.milliseconds = milliseconds
    }

    public static let none = RecordTimestamp(kind: .none, milliseconds: -1)
}

/// A record as it was consumed. A null key or value (nil) and an empty one are different things.
public struct Record: Sendable, Equatable {
    public let topicPartition: TopicPartition
    public let offset: Int64
    public let key: [UInt8]?
    public let value: [UInt8]?
    public let headers: Headers
    public let timestamp: RecordTimestamp

    public init(
        topicPartition: TopicPartition, offset: Int64, key: [UInt8]?, value: [UInt8]?, headers: Headers = [],
        timestamp: RecordTimestamp = .none
    ) {
        self.topicPartition = topicPartition
        self.offset = offset
        self.key = key
        self.value = value
        self.headers = headers
        self.timestamp = timestamp
    }

    public var topic: String { topicPartition.topic }
    public var partition: Int32 { topicPartition.partition }
    /// Of key, value, and the headers' names and values.
    public var byteCount: Int { (key?.count ?? 0) + (value?.count ?? 0) + headers.byteCount }
}

/// A record to be produced. A null key or value (nil) and an empty one are different things.
public struct OutgoingRecord: Sendable, Equatable {
    public var topic: String
    /// nil: chosen by murmur2 of the key, as Java does; at random where the key is null.
    public var partition: Int32?
    public var key: [UInt8]?
    public var value: [UInt8]?
    public var headers: Headers
    /// Since 1970-01-01T00:00:00Z. nil, and 0 too, mean now.
    public var timestampMilliseconds: Int64?

    public init(
        topic: String, partition: Int32? = nil, key: [UInt8]? = nil, value: [UInt8]?, headers: Headers = [],
        timestampMilliseconds: Int64? = nil
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
        self.timestampMilliseconds = timestampMilliseconds
    }

    /// Of key, value and headers.
    public var byteCount: Int { (key?.count ?? 0) + (value?.count ?? 0) + headers.byteCount }
}
