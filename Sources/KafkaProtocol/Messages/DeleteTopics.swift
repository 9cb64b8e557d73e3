public struct DeleteTopicsRequest: APIRequest {
    public typealias Response = DeleteTopicsResponse
    public var topics: [DeleteTopicState] = []
    public var topicNames: [String] = []
    public var timeoutMs: Int32 = 0

    public struct DeleteTopicState: WireField {
        public var name: String?
        public var topicId = WireUUID()

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.nullableString(&name)
            try coder.uuid(&topicId)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 6 { try coder.array(&topics) }
        if coder.version <= 5 { try coder.array(&topicNames) }
        try coder.int32(&timeoutMs)
        try coder.tags()
    }
}

public struct DeleteTopicsResponse: APIResponse {
    public static let api = APIKey.deleteTopics
    public var throttleTimeMs: Int32 = 0
    public var responses: [DeletableTopicResult] = []

    public struct DeletableTopicResult: WireField {
        public var name: String?
        public var topicId = WireUUID()
        public var errorCode: Int16 = 0
        public var errorMessage: String?

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.nullableString(&name)
            if coder.version >= 6 { try coder.uuid(&topicId) }
            try coder.int16(&errorCode)
            if coder.version >= 5 { try coder.nullableString(&errorMessage) }
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&throttleTimeMs)
        try coder.array(&responses)
        try coder.tags()
    }
}
