public struct OffsetDeleteRequest: APIRequest {
    public typealias Response = OffsetDeleteResponse
    public var groupId = ""
    public var topics: [OffsetDeleteRequestTopic] = []

    public struct OffsetDeleteRequestTopic: WireField {
        public var name = ""
        public var partitions: [OffsetDeleteRequestPartition] = []

        public struct OffsetDeleteRequestPartition: WireField {
            public var partitionIndex: Int32 = 0

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.int32(&partitionIndex)
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.array(&partitions)
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&groupId)
        try coder.array(&topics)
    }
}

public struct OffsetDeleteResponse: APIResponse {
    public static let api = APIKey.offsetDelete
    public var errorCode: Int16 = 0
    public var throttleTimeMs: Int32 = 0
    public var topics: [OffsetDeleteResponseTopic] = []

    public struct OffsetDeleteResponseTopic: WireField {
        public var name = ""
        public var partitions: [OffsetDeleteResponsePartition] = []

        public struct OffsetDeleteResponsePartition: WireField {
            public var partitionIndex: Int32 = 0
            public var errorCode: Int16 = 0

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.int32(&partitionIndex)
                try coder.int16(&errorCode)
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.array(&partitions)
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int16(&errorCode)
        try coder.int32(&throttleTimeMs)
        try coder.array(&topics)
    }
}
