public struct SyncGroupRequest: APIRequest {
    public typealias Response = SyncGroupResponse
    public var groupId = ""
    public var generationId: Int32 = 0
    public var memberId = ""
    public var groupInstanceId: String?
    public var protocolType: String?
    public var protocolName: String?
    public var assignments: [SyncGroupRequestAssignment] = []

    public struct SyncGroupRequestAssignment: WireField {
        public var memberId = ""
        public var assignment: [UInt8] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&memberId)
            try coder.bytes(&assignment)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupId)
        try coder.int32(&generationId)
        try coder.string(&memberId)
        if coder.version >= 3 { try coder.nullableString(&groupInstanceId) }
        if coder.version >= 5 {
            try coder.nullableString(&protocolType)
            try coder.nullableString(&protocolName)
        }
        try coder.array(&assignments)
        try coder.tags()
    }
}

public struct SyncGroupResponse: APIResponse {
    public static let api = APIKey.syncGroup
    public var throttleTimeMs: Int32 = 0
    public var errorCode: Int16 = 0
    public var protocolType: String?
    public var protocolName: String?
    public var assignment: [UInt8] = []

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.int32(&throttleTimeMs) }
        try coder.int16(&errorCode)
        if coder.version >= 5 {
            try coder.nullableString(&protocolType)
            try coder.nullableString(&protocolName)
        }
        try coder.bytes(&assignment)
        try coder.tags()
    }
}
