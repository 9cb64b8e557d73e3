public struct OffsetForLeaderEpochRequest: APIRequest {
    public typealias Response = OffsetForLeaderEpochResponse
    public var replicaId: Int32 = -2
    public var topics: [OffsetForLeaderTopic] = []

    public struct OffsetForLeaderTopic: WireField {
        public var topic = ""
        public var partitions: [OffsetForLeaderPartition] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&topic)
            try coder.array(&partitions)
            try coder.tags()
        }
    }

    public struct OffsetForLeaderPartition: WireField {
        public var partition: Int32 = 0
        public var currentLeaderEpoch: Int32 = -1
        public var leaderEpoch: Int32 = 0

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&partition)
            try coder.int32(&currentLeaderEpoch)
            try coder.int32(&leaderEpoch)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 3 { try coder.int32(&replicaId) }
        try coder.array(&topics)
        try coder.tags()
    }
}

public struct OffsetForLeaderEpochResponse: APIResponse {
    public static let api = APIKey.offsetForLeaderEpoch
    public var throttleTimeMs: Int32 = 0
    public var topics: [OffsetForLeaderTopicResult] = []

    public struct OffsetForLeaderTopicResult: WireField {
        public var topic = ""
        public var partitions: [EpochEndOffset] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&topic)
            try coder.array(&partitions)
            try coder.tags()
        }
    }

    public struct EpochEndOffset: WireField {
        public var errorCode: Int16 = 0
        public var partition: Int32 = 0
        public var leaderEpoch: Int32 = -1
        public var endOffset: Int64 = -1

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int16(&errorCode)
            try coder.int32(&partition)
            try coder.int32(&leaderEpoch)
            try coder.int64(&endOffset)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&throttleTimeMs)
        try coder.array(&topics)
        try coder.tags()
    }
}
