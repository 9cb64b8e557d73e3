public struct DescribeClusterRequest: APIRequest {
    public typealias Response = DescribeClusterResponse
    public var includeClusterAuthorizedOperations = false
    public var endpointType: Int8 = 1
    public var includeFencedBrokers = false

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.bool(&includeClusterAuthorizedOperations)
        if coder.version >= 1 { try coder.int8(&endpointType) }
        if coder.version >= 2 { try coder.bool(&includeFencedBrokers) }
        try coder.tags()
    }
}

public struct DescribeClusterResponse: APIResponse {
    public static let api = APIKey.describeCluster
    public var throttleTimeMs: Int32 = 0
    public var errorCode: Int16 = 0
    public var errorMessage: String?
    public var endpointType: Int8 = 1
    public var clusterId = ""
    public var controllerId: Int32 = -1
    public var brokers: [DescribeClusterBroker] = []
    public var clusterAuthorizedOperations: Int32 = Int32.min

    public struct DescribeClusterBroker: WireField {
        public var brokerId: Int32 = 0
        public var host = ""
        public var port: Int32 = 0
        public var rack: String?
        public var isFenced = false

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&brokerId)
            try coder.string(&host)
            try coder.int32(&port)
            try coder.nullableString(&rack)
            if coder.version >= 2 { try coder.bool(&isFenced) }
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&throttleTimeMs)
        try coder.int16(&errorCode)
        try coder.nullableString(&errorMessage)
        if coder.version >= 1 { try coder.int8(&endpointType) }
        try coder.string(&clusterId)
        try coder.int32(&controllerId)
        try coder.array(&brokers)
        try coder.int32(&clusterAuthorizedOperations)
        try coder.tags()
    }
}
