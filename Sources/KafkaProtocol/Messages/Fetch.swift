public struct FetchRequest: APIRequest {
    public typealias Response = FetchResponse
    public var replicaId: Int32 = -1
    public var maxWaitMs: Int32 = 0
    public var minBytes: Int32 = 0
    public var maxBytes: Int32 = .max
    public var isolationLevel: Int8 = 0
    public var sessionId: Int32 = 0
    public var sessionEpoch: Int32 = -1
    public var topics: [FetchTopic] = []
    public var forgottenTopicsData: [ForgottenTopic] = []
    public var rackId = ""

    public struct FetchTopic: WireField {
        /// Up to version 12; later ones name the topic by its id.
        public var topic = ""
        public var topicId = WireUUID()
        public var partitions: [FetchPartition] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            if coder.version <= 12 { try coder.string(&topic) } else { try coder.uuid(&topicId) }
            try coder.array(&partitions)
            try coder.tags()
        }
    }

    public struct FetchPartition: WireField {
        public var partition: Int32 = 0
        public var currentLeaderEpoch: Int32 = -1
        public var fetchOffset: Int64 = 0
        public var lastFetchedEpoch: Int32 = -1
        public var logStartOffset: Int64 = -1
        public var partitionMaxBytes: Int32 = 0

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&partition)
            if coder.version >= 9 { try coder.int32(&currentLeaderEpoch) }
            try coder.int64(&fetchOffset)
            if coder.version >= 12 { try coder.int32(&lastFetchedEpoch) }
            if coder.version >= 5 { try coder.int64(&logStartOffset) }
            try coder.int32(&partitionMaxBytes)
            try coder.tags()
        }
    }

    public struct ForgottenTopic: WireField {
        /// Up to version 12; later ones name the topic by its id.
        public var topic = ""
        public var topicId = WireUUID()
        public var partitions: [Int32] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            if coder.version <= 12 { try coder.string(&topic) } else { try coder.uuid(&topicId) }
            try coder.array(&partitions)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version <= 14 { try coder.int32(&replicaId) }
        try coder.int32(&maxWaitMs)
        try coder.int32(&minBytes)
        try coder.int32(&maxBytes)
        try coder.int8(&isolationLevel)
        if coder.version >= 7 {
            try coder.int32(&sessionId)
            try coder.int32(&sessionEpoch)
        }
        try coder.array(&topics)
        if coder.version >= 7 { try coder.array(&forgottenTopicsData) }
        if coder.version >= 11 { try coder.string(&rackId) }
        try coder.tags()
    }
}

public struct FetchResponse: APIResponse {
    public static let api = APIKey.fetch
    public var throttleTimeMs: Int32 = 0
    public var errorCode: Int16 = 0
    public var sessionId: Int32 = 0
    public var responses: [FetchableTopicResponse] = []

    public struct FetchableTopicResponse: WireField {
        /// Up to version 12; later ones name the topic by its id.
        public var topic = ""
        public var topicId = WireUUID()
        public var partitions: [PartitionData] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            if coder.version <= 12 { try coder.string(&topic) } else { try coder.uuid(&topicId) }
            try coder.array(&partitions)
            try coder.tags()
        }
    }

    public struct PartitionData: WireField {
        public var partitionIndex: Int32 = 0
        public var errorCode: Int16 = 0
        public var highWatermark: Int64 = 0
        public var lastStableOffset: Int64 = -1
        public var logStartOffset: Int64 = -1
        /// nil where nobody asked for read committed.
        public var abortedTransactions: [AbortedTransaction]?
        public var preferredReadReplica: Int32 = -1
        /// Empty when there are none: clients take null for a broken answer.
        public var records = RecordData.bytes([])

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&partitionIndex)
            try coder.int16(&errorCode)
            try coder.int64(&highWatermark)
            try coder.int64(&lastStableOffset)
            if coder.version >= 5 { try coder.int64(&logStartOffset) }
            try coder.nullableArray(&abortedTransactions)
            if coder.version >= 11 { try coder.int32(&preferredReadReplica) }
            try coder.records(&records)
            try coder.tags()
        }
    }

    public struct AbortedTransaction: WireField {
        public var producerId: Int64 = 0
        public var firstOffset: Int64 = 0

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int64(&producerId)
            try coder.int64(&firstOffset)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&throttleTimeMs)
        if coder.version >= 7 {
            try coder.int16(&errorCode)
            try coder.int32(&sessionId)
        }
        try coder.array(&responses)
        try coder.tags()
    }
}
