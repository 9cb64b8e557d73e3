public struct CreatePartitionsRequest: APIRequest {
    public typealias Response = CreatePartitionsResponse
    public var topics: [CreatePartitionsTopic] = []
    public var timeoutMs: Int32 = 0
    public var validateOnly = false

    public struct CreatePartitionsTopic: WireField {
        public var name = ""
        public var count: Int32 = 0
        public var assignments: [CreatePartitionsAssignment]?

        public struct CreatePartitionsAssignment: WireField {
            public var brokerIds: [Int32] = []

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.array(&brokerIds)
                try coder.tags()
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.int32(&count)
            try coder.nullableArray(&assignments)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&topics)
        try coder.int32(&timeoutMs)
        try coder.bool(&validateOnly)
        try coder.tags()
    }
}

public struct CreatePartitionsResponse: APIResponse {
    public static let api = APIKey.createPartitions
    public var throttleTimeMs: Int32 = 0
    public var results: [CreatePartitionsTopicResult] = []

    public struct CreatePartitionsTopicResult: WireField {
        public var name = ""
        public var errorCode: Int16 = 0
        public var errorMessage: String?

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.int16(&errorCode)
            try coder.nullableString(&errorMessage)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&throttleTimeMs)
        try coder.array(&results)
        try coder.tags()
    }
}
