public struct LeaveGroupRequest: APIRequest {
    public typealias Response = LeaveGroupResponse
    public var groupId = ""
    public var memberId = ""
    public var members: [MemberIdentity] = []

    public struct MemberIdentity: WireField {
        public var memberId = ""
        public var groupInstanceId: String?
        public var reason: String?

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&memberId)
            try coder.nullableString(&groupInstanceId)
            if coder.version >= 5 { try coder.nullableString(&reason) }
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupId)
        if coder.version <= 2 { try coder.string(&memberId) }
        if coder.version >= 3 { try coder.array(&members) }
        try coder.tags()
    }
}

public struct LeaveGroupResponse: APIResponse {
    public static let api = APIKey.leaveGroup
    public var throttleTimeMs: Int32 = 0
    public var errorCode: Int16 = 0
    public var members: [MemberResponse] = []

    public struct MemberResponse: WireField {
        public var memberId = ""
        public var groupInstanceId: String? = ""
        public var errorCode: Int16 = 0

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&memberId)
            try coder.nullableString(&groupInstanceId)
            try coder.int16(&errorCode)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.int32(&throttleTimeMs) }
        try coder.int16(&errorCode)
        if coder.version >= 3 { try coder.array(&members) }
        try coder.tags()
    }
}
