public struct DescribeGroupsRequest: APIRequest {
    public typealias Response = DescribeGroupsResponse
    public var groups: [String] = []
    public var includeAuthorizedOperations = false

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&groups)
        if coder.version >= 3 { try coder.bool(&includeAuthorizedOperations) }
        try coder.tags()
    }
}

public struct DescribeGroupsResponse: APIResponse {
    public static let api = APIKey.describeGroups
    public var throttleTimeMs: Int32 = 0
    public var groups: [DescribedGroup] = []

    public struct DescribedGroup: WireField {
        public var errorCode: Int16 = 0
        public var errorMessage: String?
        public var groupId = ""
        public var groupState = ""
        public var protocolType = ""
        public var protocolData = ""
        public var members: [DescribedGroupMember] = []
        public var authorizedOperations: Int32 = Int32.min

        public struct DescribedGroupMember: WireField {
            public var memberId = ""
            public var groupInstanceId: String?
            public var clientId = ""
            public var clientHost = ""
            public var memberMetadata: [UInt8] = []
            public var memberAssignment: [UInt8] = []

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.string(&memberId)
                if coder.version >= 4 { try coder.nullableString(&groupInstanceId) }
                try coder.string(&clientId)
                try coder.string(&clientHost)
                try coder.bytes(&memberMetadata)
                try coder.bytes(&memberAssignment)
                try coder.tags()
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int16(&errorCode)
            if coder.version >= 6 { try coder.nullableString(&errorMessage) }
            try coder.string(&groupId)
            try coder.string(&groupState)
            try coder.string(&protocolType)
            try coder.string(&protocolData)
            try coder.array(&members)
            if coder.version >= 3 { try coder.int32(&authorizedOperations) }
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 1 { try coder.int32(&throttleTimeMs) }
        try coder.array(&groups)
        try coder.tags()
    }
}
