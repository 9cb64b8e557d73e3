public struct JoinGroupRequest: APIRequest {
    public typealias Response = JoinGroupResponse
    public var groupId = ""
    public var sessionTimeoutMs: Int32 = 0
    public var rebalanceTimeoutMs: Int32 = -1
    public var memberId = ""
    public var groupInstanceId: String?
    public var protocolType = ""
    public var protocols: [JoinGroupRequestProtocol] = []
    public var reason: String?

    public struct JoinGroupRequestProtocol: WireField {
        public var name = ""
        public var metadata: [UInt8] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.bytes(&metadata)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupId)
        try coder.int32(&sessionTimeoutMs)
        if coder.version >= 1 { try coder.int32(&rebalanceTimeoutMs) }
        try coder.string(&memberId)
        if coder.version >= 5 { try coder.nullableString(&groupInstanceId) }
        try coder.string(&protocolType)
        try coder.array(&protocols)
        if coder.version >= 8 { try coder.nullableString(&reason) }
        try coder.tags()
    }
}

public struct JoinGroupResponse: APIResponse {
    public static let api = APIKey.joinGroup
    public var throttleTimeMs: Int32 = 0
    public var errorCode: Int16 = 0
    public var generationId: Int32 = -1
    public var protocolType: String?
    public var protocolName: String? = ""
    public var leader = ""
    public var skipAssignment = false
    public var memberId = ""
    public var members: [JoinGroupResponseMember] = []

    public struct JoinGroupResponseMember: WireField {
        public var memberId = ""
        public var groupInstanceId: String?
        public var metadata: [UInt8] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&memberId)
            if coder.version >= 5 { try coder.nullableString(&groupInstanceId) }
            try coder.bytes(&metadata)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 2 { try coder.int32(&throttleTimeMs) }
        try coder.int16(&errorCode)
        try coder.int32(&generationId)
        if coder.version >= 7 { try coder.nullableString(&protocolType) }
        if coder.version >= 7 {
            try coder.nullableString(&protocolName)
        } else {
            var value = protocolName ?? ""
            try coder.string(&value)
            protocolName = value
        }
        try coder.string(&leader)
        if coder.version >= 9 { try coder.bool(&skipAssignment) }
        try coder.string(&memberId)
        try coder.array(&members)
        try coder.tags()
    }
}
