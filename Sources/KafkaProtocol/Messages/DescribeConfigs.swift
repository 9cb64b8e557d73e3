public struct DescribeConfigsRequest: APIRequest {
    public typealias Response = DescribeConfigsResponse
    public var resources: [DescribeConfigsResource] = []
    public var includeSynonyms = false
    public var includeDocumentation = false

    public struct DescribeConfigsResource: WireField {
        public var resourceType: Int8 = 0
        public var resourceName = ""
        public var configurationKeys: [String]?

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int8(&resourceType)
            try coder.string(&resourceName)
            try coder.nullableArray(&configurationKeys)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.array(&resources)
        try coder.bool(&includeSynonyms)
        if coder.version >= 3 { try coder.bool(&includeDocumentation) }
        try coder.tags()
    }
}

public struct DescribeConfigsResponse: APIResponse {
    public static let api = APIKey.describeConfigs
    public var throttleTimeMs: Int32 = 0
    public var results: [DescribeConfigsResult] = []

    public struct DescribeConfigsResult: WireField {
        public var errorCode: Int16 = 0
        public var errorMessage: String?
        public var resourceType: Int8 = 0
        public var resourceName = ""
        public var configs: [DescribeConfigsResourceResult] = []

        public struct DescribeConfigsResourceResult: WireField {
            public var name = ""
            public var value: String?
            public var readOnly = false
            public var configSource: Int8 = -1
            public var isSensitive = false
            public var synonyms: [DescribeConfigsSynonym] = []
            public var configType: Int8 = 0
            public var documentation: String?

            public struct DescribeConfigsSynonym: WireField {
                public var name = ""
                public var value: String?
                public var source: Int8 = 0

                public init() {}

                public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                    try coder.string(&name)
                    try coder.nullableString(&value)
                    try coder.int8(&source)
                    try coder.tags()
                }
            }

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.string(&name)
                try coder.nullableString(&value)
                try coder.bool(&readOnly)
                try coder.int8(&configSource)
                try coder.bool(&isSensitive)
                try coder.array(&synonyms)
                if coder.version >= 3 {
                    try coder.int8(&configType)
                    try coder.nullableString(&documentation)
                }
                try coder.tags()
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int16(&errorCode)
            try coder.nullableString(&errorMessage)
            try coder.int8(&resourceType)
            try coder.string(&resourceName)
            try coder.array(&configs)
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
