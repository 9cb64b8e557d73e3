public struct CreateTopicsRequest: APIRequest {
    public typealias Response = CreateTopicsResponse
    public var topics: [CreatableTopic] = []
    public var timeoutMs: Int32 = 60000
    public var validateOnly = false

    public struct CreatableTopic: WireField {
        public var name = ""
        public var numPartitions: Int32 = 0
        public var replicationFactor: Int16 = 0
        public var assignments: [CreatableReplicaAssignment] = []
        public var configs: [CreatableTopicConfig] = []

        public struct CreatableReplicaAssignment: WireField {
            public var partitionIndex: Int32 = 0
            public var brokerIds: [Int32] = []

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.int32(&partitionIndex)
                try coder.array(&brokerIds)
                try coder.tags()
            }
        }

        public struct CreatableTopicConfig: WireField {
            public var name = ""
            public var value: String?

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.string(&name)
                try coder.nullableString(&value)
                try coder.tags()
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.int32(&numPartitions)
            try coder.int16(&replicationFactor)
            try coder.array(&assignments)
            try coder.array(&configs)
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

public struct CreateTopicsResponse: APIResponse {
    public static let api = APIKey.createTopics
    public var throttleTimeMs: Int32 = 0
    public var topics: [CreatableTopicResult] = []

    public struct CreatableTopicResult: WireField {
        public var name = ""
        public var topicId = WireUUID()
        public var errorCode: Int16 = 0
        public var errorMessage: String?
        public var numPartitions: Int32 = -1
        public var replicationFactor: Int16 = -1
        public var configs: [CreatableTopicConfigs]?

        public struct CreatableTopicConfigs: WireField {
            public var name = ""
            public var value: String?
            public var readOnly = false
            public var configSource: Int8 = -1
            public var isSensitive = false

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.string(&name)
                try coder.nullableString(&value)
                try coder.bool(&readOnly)
                try coder.int8(&configSource)
                try coder.bool(&isSensitive)
                try coder.tags()
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            if coder.version >= 7 { try coder.uuid(&topicId) }
            try coder.int16(&errorCode)
            try coder.nullableString(&errorMessage)
            if coder.version >= 5 {
                try coder.int32(&numPartitions)
                try coder.int16(&replicationFactor)
                try coder.nullableArray(&configs)
            }
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
