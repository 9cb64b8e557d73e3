public struct OffsetFetchRequest: APIRequest {
    public typealias Response = OffsetFetchResponse
    public var groupId = ""
    public var topics: [OffsetFetchRequestTopic]? = []
    public var groups: [OffsetFetchRequestGroup] = []
    public var requireStable = false

    public struct OffsetFetchRequestTopic: WireField {
        public var name = ""
        public var partitionIndexes: [Int32] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.array(&partitionIndexes)
            try coder.tags()
        }
    }

    public struct OffsetFetchRequestGroup: WireField {
        public var groupId = ""
        public var memberId: String?
        public var memberEpoch: Int32 = -1
        public var topics: [OffsetFetchRequestTopics]? = []

        public struct OffsetFetchRequestTopics: WireField {
            public var name = ""
            public var partitionIndexes: [Int32] = []

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.string(&name)
                try coder.array(&partitionIndexes)
                try coder.tags()
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&groupId)
            if coder.version >= 9 {
                try coder.nullableString(&memberId)
                try coder.int32(&memberEpoch)
            }
            try coder.nullableArray(&topics)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version <= 7 {
            try coder.string(&groupId)
            if coder.version >= 2 {
                try coder.nullableArray(&topics)
            } else {
                var value = topics ?? []
                try coder.array(&value)
                topics = value
            }
        }
        if coder.version >= 8 { try coder.array(&groups) }
        if coder.version >= 7 { try coder.bool(&requireStable) }
        try coder.tags()
    }
}

public struct OffsetFetchResponse: APIResponse {
    public static let api = APIKey.offsetFetch
    public var throttleTimeMs: Int32 = 0
    public var topics: [OffsetFetchResponseTopic] = []
    public var errorCode: Int16 = 0
    public var groups: [OffsetFetchResponseGroup] = []

    public struct OffsetFetchResponseTopic: WireField {
        public var name = ""
        public var partitions: [OffsetFetchResponsePartition] = []

        public struct OffsetFetchResponsePartition: WireField {
            public var partitionIndex: Int32 = 0
            public var committedOffset: Int64 = 0
            public var committedLeaderEpoch: Int32 = -1
            public var metadata: String? = ""
            public var errorCode: Int16 = 0

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.int32(&partitionIndex)
                try coder.int64(&committedOffset)
                if coder.version >= 5 { try coder.int32(&committedLeaderEpoch) }
                try coder.nullableString(&metadata)
                try coder.int16(&errorCode)
                try coder.tags()
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.array(&partitions)
            try coder.tags()
        }
    }

    public struct OffsetFetchResponseGroup: WireField {
        public var groupId = ""
        public var topics: [OffsetFetchResponseTopics] = []
        public var errorCode: Int16 = 0

        public struct OffsetFetchResponseTopics: WireField {
            public var name = ""
            public var partitions: [OffsetFetchResponsePartitions] = []

            public struct OffsetFetchResponsePartitions: WireField {
                public var partitionIndex: Int32 = 0
                public var committedOffset: Int64 = 0
                public var committedLeaderEpoch: Int32 = -1
                public var metadata: String? = ""
                public var errorCode: Int16 = 0

                public init() {}

                public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                    try coder.int32(&partitionIndex)
                    try coder.int64(&committedOffset)
                    try coder.int32(&committedLeaderEpoch)
                    try coder.nullableString(&metadata)
                    try coder.int16(&errorCode)
                    try coder.tags()
                }
            }

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.string(&name)
                try coder.array(&partitions)
                try coder.tags()
            }
        }

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&groupId)
            try coder.array(&topics)
            try coder.int16(&errorCode)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        if coder.version >= 3 { try coder.int32(&throttleTimeMs) }
        if coder.version <= 7 { try coder.array(&topics) }
        if (2...7).contains(coder.version) { try coder.int16(&errorCode) }
        if coder.version >= 8 { try coder.array(&groups) }
        try coder.tags()
    }
}
