public struct ListOffsetsRequest: APIRequest {
    public typealias Response = ListOffsetsResponse
    public var replicaId: Int32 = 0
    public var isolationLevel: Int8 = 0
    public var topics: [ListOffsetsTopic] = []
    public var timeoutMs: Int32 = 0

    public struct ListOffsetsTopic: WireField {
        public var name = ""
        public var partitions: [ListOffsetsPartition] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.array(&partitions)
            try coder.tags()
        }
    }

    public struct ListOffsetsPartition: WireField {
        public var partitionIndex: Int32 = 0
        public var currentLeaderEpoch: Int32 = -1
        /// Milliseconds since 1970; -1 for the end, -2 for the start, -3 for the largest timestamp.
        public var timestamp: Int64 = 0

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&partitionIndex)
            if coder.version >= 4 { try coder.int32(&currentLeaderEpoch) }
            try coder.int64(&timestamp)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&replicaId)
        if coder.version >= 2 { try coder.int8(&isolationLevel) }
        try coder.array(&topics)
        if coder.version >= 10 { try coder.int32(&timeoutMs) }
        try coder.tags()
    }
}

public struct ListOffsetsResponse: APIResponse {
    public static let api = APIKey.listOffsets
    public var throttleTimeMs: Int32 = 0
    public var topics: [ListOffsetsTopicResponse] = []

    public struct ListOffsetsTopicResponse: WireField {
        public var name = ""
        public var partitions: [ListOffsetsPartitionResponse] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.array(&partitions)
            try coder.tags()
        }
    }

    public struct ListOffsetsPartitionResponse: WireField {
        public var partitionIndex: Int32 = 0
        public var errorCode: Int16 = 0
        public var timestamp: Int64 = -1
        public var offset: Int64 = -1
        public var leaderEpoch: Int32 = -1

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&partitionIndex)
            try coder.int16(&errorCode)
            try coder.int64(&timestamp)
            try coder.int64(&offset)
            if coder.version >= 4 { try coder.int32(&leaderEpoch) }
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 2 { try coder.int32(&throttleTimeMs) }
        try coder.array(&topics)
        try coder.tags()
    }
}
