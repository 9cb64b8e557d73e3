public struct AlterConfigsRequest: APIRequest {
    public typealias Response = AlterConfigsResponse
    public var resources: [AlterConfigsResource] = []
    public var validateOnly = false

    public struct AlterConfigsResource: WireField {
        public var resourceType: Int8 = 0
        public var resourceName = ""
        public var configs: [AlterableConfig] = []

        public struct AlterableConfig: WireField {
            public var name = ""
            public var value: String?

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.string(&name)
                try coder.nullableString(&value)
                try coder.tags()
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int8(&resourceType)
            try coder.string(&resourceName)
            try coder.array(&configs)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&resources)
        try coder.bool(&validateOnly)
        try coder.tags()
    }
}

public struct AlterConfigsResponse: APIResponse {
    public static let api = APIKey.alterConfigs
    public var throttleTimeMs: Int32 = 0
    public var responses: [AlterConfigsResourceResponse] = []

    public struct AlterConfigsResourceResponse: WireField {
        public var errorCode: Int16 = 0
        public var errorMessage: String?
        public var resourceType: Int8 = 0
        public var resourceName = ""

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int16(&errorCode)
            try coder.nullableString(&errorMessage)
            try coder.int8(&resourceType)
            try coder.string(&resourceName)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&throttleTimeMs)
        try coder.array(&responses)
        try coder.tags()
    }
}
