import KafkaProtocol

/// What a record of the metadata log is about: the first byte of its key.
enum MetadataKind: UInt8 {
    case cluster = 1
    case topic = 2
    case user = 3
    case acl = 4
}

/// The value of `MetadataKind.cluster`, whose key is nothing more than the kind.
struct ClusterRecord: WireField, Equatable {
    var id = WireUUID()

    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.uuid(&id)
        try coder.tags()
    }
}

/// The value of `MetadataKind.topic`, whose key is the topic's name.
struct TopicRecord: WireField, Equatable {
    var id = WireUUID()
    var partitions: Int32 = 0
    var overrides: [ConfigRecord] = []

    struct ConfigRecord: WireField, Equatable {
        var name = ""
        var value = ""

        mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.string(&value)
            try coder.tags()
        }
    }

    init() {}

    init(id: WireUUID, partitions: Int32, overrides: [String: String]) {
        self.id = id
        self.partitions = partitions
        self.overrides = overrides.sorted { $0.key < $1.key }.map { override in
            var record = ConfigRecord()
            (record.name, record.value) = override
            return record
        }
    }

    var overridesByName: [String: String] { Dictionary(overrides.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }) }

    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.uuid(&id)
        try coder.int32(&partitions)
        try coder.array(&overrides)
        try coder.tags()
    }
}
