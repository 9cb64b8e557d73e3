public struct TxnOffsetCommitRequest: APIRequest {
    public typealias Response = TxnOffsetCommitResponse
    public var transactionalId = ""
    public var groupId = ""
    public var producerId: Int64 = 0
    public var producerEpoch: Int16 = 0
    public var generationId: Int32 = -1
    public var memberId = ""
    public var groupInstanceId: String?
    public var topics: [TxnOffsetCommitRequestTopic] = []

    public struct TxnOffsetCommitRequestTopic: WireField {
        public var name = ""
        public var partitions: [TxnOffsetCommitRequestPartition] = []

        public struct TxnOffsetCommitRequestPartition: WireField {
            public var partitionIndex: Int32 = 0
            public var committedOffset: Int64 = 0
            public var committedLeaderEpoch: Int32 = -1
            public var committedMetadata: String? = ""

            public init() {}

            public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.int32(&partitionIndex)
                try coder.int64(&committedOffset)
                if coder.version >= 2 { try coder.int32(&committedLeaderEpoch) }
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
        try coder.string(&transactionalId)
        try coder.string(&groupId)
        try coder.int64(&producerId)
        try coder.int16(&producerEpoch)
        if coder.version >= 3 {
            try coder.int32(&generationId)
            try coder.string(&memberId)
            try coder.nullableString(&groupInstanceId)
        }
        try coder.array(&topics)
        try coder.tags()
    }
}

public struct TxnOffsetCommitResponse: APIResponse {
    public static let api = APIKey.txnOffsetCommit
    public var throttleTimeMs: Int32 = 0
    public var topics: [TxnOffsetCommitResponseTopic] = []

    public struct TxnOffsetCommitResponseTopic: WireField {
        public var name = ""
        public var partitions: [TxnOffsetCommitResponsePartition] = []

        public struct TxnOffsetCommitResponsePartition: WireField {
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
        try coder.int32(&throttleTimeMs)
        try coder.array(&topics)
        try coder.tags()
    }
}
