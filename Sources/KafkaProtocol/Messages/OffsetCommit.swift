public struct OffsetCommitRequest: APIRequest {
    public typealias Response = OffsetCommitResponse
    public var groupId = ""
    public var generationIdOrMemberEpoch: Int32 = -1
    public var memberId = ""
    public var groupInstanceId: String?
    public var retentionTimeMs: Int64 = -1
    public var topics: [OffsetCommitRequestTopic] = []

    public struct OffsetCommitRequestTopic: WireField {
        public var name = ""
        public var partitions: [OffsetCommitRequestPartition] = []

        public struct OffsetCommitRequestPartition: WireField {
            public var partitionIndex: Int32 = 0
            public var committedOffset: Int64 = 0
            public var committedLeaderEpoch: Int32 = -1
            public var committedMetadata: String? = ""

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.int32(&partitionIndex)
                try coder.int64(&committedOffset)
                if coder.version >= 6 { try coder.int32(&committedLeaderEpoch) }
                try coder.nullableString(&committedMetadata)
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
        try coder.int32(&generationIdOrMemberEpoch)
        try coder.string(&memberId)
        if coder.version >= 7 { try coder.nullableString(&groupInstanceId) }
        if coder.version <= 4 { try coder.int64(&retentionTimeMs) }
        try coder.array(&topics)
        try coder.tags()
    }
}

public struct OffsetCommitResponse: APIResponse {
    public static let api = APIKey.offsetCommit
    public var throttleTimeMs: Int32 = 0
    public var topics: [OffsetCommitResponseTopic] = []

    public struct OffsetCommitResponseTopic: WireField {
        public var name = ""
        public var partitions: [OffsetCommitResponsePartition] = []

        public struct OffsetCommitResponsePartition: WireField {
            public var partitionIndex: Int32 = 0
            public var errorCode: Int16 = 0

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.int32(&partitionIndex)
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
        if coder.version >= 3 { try coder.int32(&throttleTimeMs) }
        try coder.array(&topics)
        try coder.tags()
    }
}
