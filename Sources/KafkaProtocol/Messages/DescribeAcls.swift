public struct DescribeAclsRequest: APIRequest {
    public typealias Response = DescribeAclsResponse
    public var resourceTypeFilter: Int8 = 0
    public var resourceNameFilter: String?
    public var patternTypeFilter: Int8 = 3
    public var principalFilter: String?
    public var hostFilter: String?
    public var operation: Int8 = 0
    public var permissionType: Int8 = 0

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int8(&resourceTypeFilter)
        try coder.nullableString(&resourceNameFilter)
        try coder.int8(&patternTypeFilter)
        try coder.nullableString(&principalFilter)
        try coder.nullableString(&hostFilter)
        try coder.int8(&operation)
        try coder.int8(&permissionType)
        try coder.tags()
    }
}

public struct DescribeAclsResponse: APIResponse {
    public static let api = APIKey.describeAcls
    public var throttleTimeMs: Int32 = 0
    public var errorCode: Int16 = 0
    public var errorMessage: String?
    public var resources: [DescribeAclsResource] = []

    public struct DescribeAclsResource: WireField {
        public var resourceType: Int8 = 0
        public var resourceName = ""
        public var patternType: Int8 = 3
        public var acls: [AclDescription] = []

        public struct AclDescription: WireField {
            public var principal = ""
            public var host = ""
            public var operation: Int8 = 0
            public var permissionType: Int8 = 0

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.string(&principal)
                try coder.string(&host)
                try coder.int8(&operation)
                try coder.int8(&permissionType)
                try coder.tags()
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int8(&resourceType)
            try coder.string(&resourceName)
            try coder.int8(&patternType)
            try coder.array(&acls)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&throttleTimeMs)
        try coder.int16(&errorCode)
        try coder.nullableString(&errorMessage)
        try coder.array(&resources)
        try coder.tags()
    }
}
