public struct DeleteRecordsRequest: APIRequest {
    public typealias Response = DeleteRecordsResponse
    public var topics: [DeleteRecordsTopic] = []
    public var timeoutMs: Int32 = 0

    public struct DeleteRecordsTopic: WireField {
        public var name = ""
        public var partitions: [DeleteRecordsPartition] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.array(&partitions)
            try coder.tags()
        }
    }

    public struct DeleteRecordsPartition: WireField {
        public var partitionIndex: Int32 = 0
        /// The first that stays; -1 for the high watermark.
        public var offset: Int64 = 0

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&partitionIndex)
            try coder.int64(&offset)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&topics)
        try coder.int32(&timeoutMs)
        try coder.tags()
    }
}

public struct DeleteRecordsResponse: APIResponse {
    public static let api = APIKey.deleteRecords
    public var throttleTimeMs: Int32 = 0
    public var topics: [DeleteRecordsTopicResult] = []

    public struct DeleteRecordsTopicResult: WireField {
        public var name = ""
        public var partitions: [DeleteRecordsPartitionResult] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.array(&partitions)
            try coder.tags()
        }
    }

    public struct DeleteRecordsPartitionResult: WireField {
        public var partitionIndex: Int32 = 0
        public var lowWatermark: Int64 = 0
        public var errorCode: Int16 = 0

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&partitionIndex)
            try coder.int64(&lowWatermark)
            try coder.int16(&errorCode)
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
