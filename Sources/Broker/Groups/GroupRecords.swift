import KafkaProtocol

// What stands in `__consumer_offsets`: Kafka's own formats, so that its tools can read the topic. The names are those of Kafka's definitions.

/// The key of a committed offset.
struct OffsetCommitKey: WireField {
    var group = ""
    var topic = ""
    var partition: Int32 = 0

    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&group)
        try coder.string(&topic)
        try coder.int32(&partition)
    }
}

/// A committed offset. Version 1 has a time of expiry of its own, as old clients could ask for.
struct OffsetCommitValue: WireField {
    static let flexibleVersion: Int16 = 4

    var offset: Int64 = 0
    var leaderEpoch: Int32 = -1
    var metadata = ""
    var commitTimestamp: Int64 = 0
    var expireTimestamp: Int64 = -1

    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int64(&offset)
        if coder.version >= 3 { try coder.int32(&leaderEpoch) }
        try coder.string(&metadata)
        try coder.int64(&commitTimestamp)
        if coder.version == 1 { try coder.int64(&expireTimestamp) }
        try coder.tags()
    }
}

/// The key of a group.
struct GroupMetadataKey: WireField {
    var group = ""

    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) { try coder.string(&group) }
}

/// A group as its last generation left it.
struct GroupMetadataValue: WireField {
    static let flexibleVersion: Int16 = 4

    var protocolType = ""
    var generation: Int32 = 0
    var `protocol`: String?
    var leader: String?
    var currentStateTimestamp: Int64 = -1
    var members: [MemberMetadata] = []

    struct MemberMetadata: WireField {
        var memberId = ""
        var groupInstanceId: String?
        var clientId = ""
        var clientHost = ""
        var rebalanceTimeout: Int32 = -1
        var sessionTimeout: Int32 = 0
        var subscription: [UInt8] = []
        var assignment: [UInt8] = []

        mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&memberId)
            if coder.version >= 3 { try coder.nullableString(&groupInstanceId) }
            try coder.string(&clientId)
            try coder.string(&clientHost)
            if coder.version >= 1 { try coder.int32(&rebalanceTimeout) }
            try coder.int32(&sessionTimeout)
            try coder.bytes(&subscription)
            try coder.bytes(&assignment)
            try coder.tags()
        }
    }

    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&protocolType)
        try coder.int32(&generation)
        try coder.nullableString(&`protocol`)
        try coder.nullableString(&leader)
        if coder.version >= 2 { try coder.int64(&currentStateTimestamp) }
        try coder.array(&members)
        try coder.tags()
    }
}

/// A record of `__consumer_offsets`.
enum GroupRecord {
    case offset(OffsetCommitKey, OffsetCommitValue?)
    case group(GroupMetadataKey, GroupMetadataValue?)

    /// As bytes, in the versions that Kafka 3.9 and 4 write.
    var stateRecord: StateRecord {
        switch self {
        case .offset(let key, let value):
            let version: Int16 = (value?.expireTimestamp ?? -1) < 0 ? 3 : 1
            return StateRecord(key: Self.bytes(key, version: 1), value: value.map { Self.bytes($0, version: version) })
        case .group(let key, let value):
            return StateRecord(key: Self.bytes(key, version: 2), value: value.map { Self.bytes($0, version: 3) })
        }
    }

    /// Returns nil for a key of a kind that is not known: whoever wrote it knows more than we do.
    init?(_ record: StateRecord) throws(WireError) {
        switch try Self.version(record.key) {
        case 0, 1:
            let key = try Self.read(OffsetCommitKey.self, record.key, flexibleFrom: .max)
            var value: OffsetCommitValue?
            if let bytes = record.value {
                value = try Self.read(OffsetCommitValue.self, bytes, flexibleFrom: OffsetCommitValue.flexibleVersion)
            }
            self = .offset(key, value)
        case 2:
            let key = try Self.read(GroupMetadataKey.self, record.key, flexibleFrom: .max)
            var value: GroupMetadataValue?
            if let bytes = record.value {
                value = try Self.read(GroupMetadataValue.self, bytes, flexibleFrom: GroupMetadataValue.flexibleVersion)
            }
            self = .group(key, value)
        default: return nil
        }
    }

    private static func version(_ bytes: [UInt8]) throws(WireError) -> Int16 {
        var reader = MessageReader(bytes, version: 0, isFlexible: false)
        var version: Int16 = 0
        try reader.int16(&version)
        return version
    }

    private static func read<Field: WireField>(_ type: Field.Type, _ bytes: [UInt8], flexibleFrom: Int16) throws(WireError) -> Field {
        let version = try version(bytes)
        guard (0...4).contains(version) else { throw WireError("version \(version) of a record is not known", at: 0) }
        var reader = MessageReader(bytes, from: 2, version: version, isFlexible: version >= flexibleFrom)
        var field = Field()
        try field.code(&reader)
        try reader.finish()
        return field
    }

    private static func bytes<Field: WireField>(_ field: Field, version: Int16) -> [UInt8] {
        var field = field
        var version = version
        var writer = MessageWriter(version: version, isFlexible: false)
        writer.int16(&version)
        // Writing throws nothing: the protocol's throws are the reader's.
        do { try field.code(&writer) } catch { preconditionFailure("a record cannot be written: \(error)") }
        return writer.finish().flatMap { part -> ArraySlice<UInt8> in
            if case .bytes(let bytes) = part { bytes } else { [] }
        }
    }
}
