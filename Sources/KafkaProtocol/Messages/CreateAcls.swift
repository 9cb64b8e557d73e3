public struct CreateAclsRequest: APIRequest {
    public typealias Response = CreateAclsResponse
    public var creations: [AclCreation] = []

    public struct AclCreation: WireField {
        public var resourceType: Int8 = 0
        public var resourceName = ""
        public var resourcePatternType: Int8 = 3
        public var principal = ""
        public var host = ""
        public var operation: Int8 = 0
        public var permissionType: Int8 = 0

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int8(&resourceType)
            try coder.string(&resourceName)
            try coder.int8(&resourcePatternType)
            try coder.string(&principal)
            try coder.string(&host)
            try coder.int8(&operation)
            try coder.int8(&permissionType)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&creations)
        try coder.tags()
    }
}

public struct CreateAclsResponse: APIResponse {
    public static let api = APIKey.createAcls
    public var throttleTimeMs: Int32 = 0
    public var results: [AclCreationResult] = []

    public struct AclCreationResult: WireField {
        public var errorCode: Int16 = 0
        public var errorMessage: String?

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int16(&errorCode)
            try coder.nullableString(&errorMessage)
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
