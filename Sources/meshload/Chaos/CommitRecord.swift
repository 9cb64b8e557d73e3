import KafkaProtocol

/// A record of `__consumer_offsets` that says what a group has committed for a partition. The format is Kafka's own (OffsetCommitKey and
/// OffsetCommitValue).
struct CommitRecord: Equatable {
    let group: String
    let topic: String
    let partition: Int32
    /// nil: the commit is forgotten.
    let value: Value?

    struct Value: Equatable {
        let offset: Int64
        let metadata: String
    }

    /// Returns nil for records about anything else.
    init?(key: [UInt8]?, value: [UInt8]?) throws(WireError) {
        guard let key, var reader = try Self.reader(key, flexibleFrom: .max), reader.version <= 1 else { return nil }
        var (group, topic, partition) = ("", "", Int32(0))
        try reader.string(&group)
        try reader.string(&topic)
        try reader.int32(&partition)
        (self.group, self.topic, self.partition) = (group, topic, partition)
        self.value = try value.flatMap { (bytes) throws(WireError) in try Self.read(bytes) }
    }

    private static func read(_ bytes: [UInt8]) throws(WireError) -> Value? {
        guard var reader = try reader(bytes, flexibleFrom: 4) else { return nil }
        var (offset, epoch, metadata) = (Int64(0), Int32(0), "")
        try reader.int64(&offset)
        if reader.version >= 3 { try reader.int32(&epoch) }
        try reader.string(&metadata)
        return Value(offset: offset, metadata: metadata)
    }

    /// At what follows the version, which stands first; nil where there is none.
    private static func reader(_ bytes: [UInt8], flexibleFrom: Int16) throws(WireError) -> MessageReader? {
        guard bytes.count >= 2 else { return nil }
        var reader = MessageReader(bytes, version: 0, isFlexible: false)
        var version: Int16 = 0
        try reader.int16(&version)
        return reader.reading(version: version, isFlexible: version >= flexibleFrom)
    }

    /// In which of so many partitions of `__consumer_offsets` a group's commits stand: by Java's hash of its name.
    static func partition(of group: String, among count: Int) -> Int32 {
        let hash = group.utf16.reduce(Int32(0)) { $0 &* 31 &+ Int32($1) }
        return hash == .min ? 0 : abs(hash) % Int32(count)
    }
}
