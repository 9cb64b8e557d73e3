public struct MetadataRequest: APIRequest {
    public typealias Response = MetadataResponse
    public var topics: [MetadataRequestTopic]?
    public var allowAutoTopicCreation = true
    public var includeClusterAuthorizedOperations = false
    public var includeTopicAuthorizedOperations = false

    public struct MetadataRequestTopic: WireField {
        public var topicId = WireUUID()
        public var name: String?

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            if coder.version >= 10 { try coder.uuid(&topicId) }
            try coder.nullableString(&name)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.nullableArray(&topics)
        if coder.version >= 4 { try coder.bool(&allowAutoTopicCreation) }
        if (8...10).contains(coder.version) { try coder.bool(&includeClusterAuthorizedOperations) }
        if coder.version >= 8 { try coder.bool(&includeTopicAuthorizedOperations) }
        try coder.tags()
    }
}

public struct MetadataResponse: APIResponse {
    public static let api = APIKey.metadata
    public var throttleTimeMs: Int32 = 0
    public var brokers: [MetadataResponseBroker] = []
    public var clusterId: String?
    public var controllerId: Int32 = -1
    public var topics: [MetadataResponseTopic] = []
    public var clusterAuthorizedOperations: Int32 = Int32.min
    public var errorCode: Int16 = 0

    public struct MetadataResponseBroker: WireField {
        public var nodeId: Int32 = 0
        public var host = ""
        public var port: Int32 = 0
        public var rack: String?

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&nodeId)
            try coder.string(&host)
            try coder.int32(&port)
            if coder.version >= 1 { try coder.nullableString(&rack) }
            try coder.tags()
        }
    }

    public struct MetadataResponseTopic: WireField {
        public var errorCode: Int16 = 0
        public var name: String?
        public var topicId = WireUUID()
        public var isInternal = false
        public var partitions: [MetadataResponsePartition] = []
        public var topicAuthorizedOperations: Int32 = Int32.min

        public struct MetadataResponsePartition: WireField {
            public var errorCode: Int16 = 0
            public var partitionIndex: Int32 = 0
            public var leaderId: Int32 = 0
            public var leaderEpoch: Int32 = -1
            public var replicaNodes: [Int32] = []
            public var isrNodes: [Int32] = []
            public var offlineReplicas: [Int32] = []

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.int16(&errorCode)
                try coder.int32(&partitionIndex)
                try coder.int32(&leaderId)
                if coder.version >= 7 { try coder.int32(&leaderEpoch) }
                try coder.array(&replicaNodes)
                try coder.array(&isrNodes)
                if coder.version >= 5 { try coder.array(&offlineReplicas) }
                try coder.tags()
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int16(&errorCode)
            try coder.nullableString(&name)
            if coder.version >= 10 { try coder.uuid(&topicId) }
            if coder.version >= 1 { try coder.bool(&isInternal) }
            try coder.array(&partitions)
            if coder.version >= 8 { try coder.int32(&topicAuthorizedOperations) }
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 3 { try coder.int32(&throttleTimeMs) }
        try coder.array(&brokers)
        if coder.version >= 2 { try coder.nullableString(&clusterId) }
        if coder.version >= 1 { try coder.int32(&controllerId) }
        try coder.array(&topics)
        if (8...10).contains(coder.version) { try coder.int32(&clusterAuthorizedOperations) }
        if coder.version >= 13 { try coder.int16(&errorCode) }
        try coder.tags()
    }
}
