public struct HeartbeatRequest: APIRequest {
    public typealias Response = HeartbeatResponse
    public var groupId = ""
    public var generationId: Int32 = 0
    public var memberId = ""
    public var groupInstanceId: String?

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupId)
        try coder.int32(&generationId)
        try coder.string(&memberId)
        if coder.version >= 3 { try coder.nullableString(&groupInstanceId) }
        try coder.tags()
    }
}

public struct HeartbeatResponse: APIResponse {
    public static let api = APIKey.heartbeat
    public var throttleTimeMs: Int32 = 0
    public var errorCode: Int16 = 0

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.int32(&throttleTimeMs) }
        try coder.int16(&errorCode)
        try coder.tags()
    }
}
