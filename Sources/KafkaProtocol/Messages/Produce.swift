public struct ProduceRequest: APIRequest {
    public typealias Response = ProduceResponse
    public var transactionalId: String?
    /// 0 for no answer, 1 or -1 for one.
    public var acks: Int16 = 0
    public var timeoutMs: Int32 = 0
    public var topicData: [TopicProduceData] = []

    public struct TopicProduceData: WireField {
        public var name = ""
        public var partitionData: [PartitionProduceData] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.array(&partitionData)
            try coder.tags()
        }
    }

    public struct PartitionProduceData: WireField {
        public var index: Int32 = 0
        public var records = RecordData()

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.records(&records)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.nullableString(&transactionalId)
        try coder.int16(&acks)
        try coder.int32(&timeoutMs)
        try coder.array(&topicData)
        try coder.tags()
    }
}

public struct ProduceResponse: APIResponse {
    public static let api = APIKey.produce
    public var responses: [TopicProduceResponse] = []
    public var throttleTimeMs: Int32 = 0

    public struct TopicProduceResponse: WireField {
        public var name = ""
        public var partitionResponses: [PartitionProduceResponse] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.array(&partitionResponses)
            try coder.tags()
        }
    }

    public struct PartitionProduceResponse: WireField {
        public var index: Int32 = 0
        public var errorCode: Int16 = 0
        public var baseOffset: Int64 = 0
        public var logAppendTimeMs: Int64 = -1
        public var logStartOffset: Int64 = -1
        public var recordErrors: [BatchIndexAndErrorMessage] = []
        public var errorMessage: String?

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&index)
            try coder.int16(&errorCode)
            try coder.int64(&baseOffset)
            try coder.int64(&logAppendTimeMs)
            if coder.version >= 5 { try coder.int64(&logStartOffset) }
            if coder.version >= 8 {
                try coder.array(&recordErrors)
                try coder.nullableString(&errorMessage)
            }
            try coder.tags()
        }
    }

    public struct BatchIndexAndErrorMessage: WireField {
        public var batchIndex: Int32 = 0
        public var batchIndexErrorMessage: String?

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&batchIndex)
            try coder.nullableString(&batchIndexErrorMessage)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&responses)
        try coder.int32(&throttleTimeMs)
        try coder.tags()
    }
}
