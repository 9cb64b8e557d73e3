public struct ListGroupsRequest: APIRequest {
    public typealias Response = ListGroupsResponse
    public var statesFilter: [String] = []
    public var typesFilter: [String] = []

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 4 { try coder.array(&statesFilter) }
        if coder.version >= 5 { try coder.array(&typesFilter) }
        try coder.tags()
    }
}

public struct ListGroupsResponse: APIResponse {
    public static let api = APIKey.listGroups
    public var throttleTimeMs: Int32 = 0
    public var errorCode: Int16 = 0
    public var groups: [ListedGroup] = []

    public struct ListedGroup: WireField {
        public var groupId = ""
        public var protocolType = ""
        public var groupState = ""
        public var groupType = ""

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&groupId)
            try coder.string(&protocolType)
            if coder.version >= 4 { try coder.string(&groupState) }
            if coder.version >= 5 { try coder.string(&groupType) }
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.int32(&throttleTimeMs) }
        try coder.int16(&errorCode)
        try coder.array(&groups)
        try coder.tags()
    }
}
