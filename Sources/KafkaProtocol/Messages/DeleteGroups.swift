public struct DeleteGroupsRequest: APIRequest {
    public typealias Response = DeleteGroupsResponse
    public var groupsNames: [String] = []

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&groupsNames)
        try coder.tags()
    }
}

public struct DeleteGroupsResponse: APIResponse {
    public static let api = APIKey.deleteGroups
    public var throttleTimeMs: Int32 = 0
    public var results: [DeletableGroupResult] = []

    public struct DeletableGroupResult: WireField {
        public var groupId = ""
        public var errorCode: Int16 = 0

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&groupId)
            try coder.int16(&errorCode)
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
