public struct FindCoordinatorRequest: APIRequest {
    public typealias Response = FindCoordinatorResponse
    public var key = ""
    public var keyType: Int8 = 0
    public var coordinatorKeys: [String] = []

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version <= 3 { try coder.string(&key) }
        if coder.version >= 1 { try coder.int8(&keyType) }
        if coder.version >= 4 { try coder.array(&coordinatorKeys) }
        try coder.tags()
    }
}

public struct FindCoordinatorResponse: APIResponse {
    public static let api = APIKey.findCoordinator
    public var throttleTimeMs: Int32 = 0
    public var errorCode: Int16 = 0
    public var errorMessage: String? = ""
    public var nodeId: Int32 = 0
    public var host = ""
    public var port: Int32 = 0
    public var coordinators: [Coordinator] = []

    public struct Coordinator: WireField {
        public var key = ""
        public var nodeId: Int32 = 0
        public var host = ""
        public var port: Int32 = 0
        public var errorCode: Int16 = 0
        public var errorMessage: String? = ""

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&key)
            try coder.int32(&nodeId)
            try coder.string(&host)
            try coder.int32(&port)
            try coder.int16(&errorCode)
            try coder.nullableString(&errorMessage)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.int32(&throttleTimeMs) }
        if coder.version <= 3 { try coder.int16(&errorCode) }
        if (1...3).contains(coder.version) { try coder.nullableString(&errorMessage) }
        if coder.version <= 3 {
            try coder.int32(&nodeId)
            try coder.string(&host)
            try coder.int32(&port)
        }
        if coder.version >= 4 { try coder.array(&coordinators) }
        try coder.tags()
    }
}
