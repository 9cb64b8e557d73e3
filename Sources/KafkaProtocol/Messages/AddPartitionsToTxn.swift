public struct AddPartitionsToTxnRequest: APIRequest {
    public typealias Response = AddPartitionsToTxnResponse
    public var v3AndBelowTransactionalId = ""
    public var v3AndBelowProducerId: Int64 = 0
    public var v3AndBelowProducerEpoch: Int16 = 0
    public var v3AndBelowTopics: [AddPartitionsToTxnTopic] = []

    public struct AddPartitionsToTxnTopic: WireField {
        public var name = ""
        public var partitions: [Int32] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.array(&partitions)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&v3AndBelowTransactionalId)
        try coder.int64(&v3AndBelowProducerId)
        try coder.int16(&v3AndBelowProducerEpoch)
        try coder.array(&v3AndBelowTopics)
        try coder.tags()
    }
}

public struct AddPartitionsToTxnResponse: APIResponse {
    public static let api = APIKey.addPartitionsToTxn
    public var throttleTimeMs: Int32 = 0
    public var resultsByTopicV3AndBelow: [AddPartitionsToTxnTopicResult] = []

    public struct AddPartitionsToTxnTopicResult: WireField {
        public var name = ""
        public var resultsByPartition: [AddPartitionsToTxnPartitionResult] = []

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.string(&name)
            try coder.array(&resultsByPartition)
            try coder.tags()
        }
    }

    public struct AddPartitionsToTxnPartitionResult: WireField {
        public var partitionIndex: Int32 = 0
        public var partitionErrorCode: Int16 = 0

        public init() {}

        public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int32(&partitionIndex)
            try coder.int16(&partitionErrorCode)
            try coder.tags()
        }
    }

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&throttleTimeMs)
        try coder.array(&resultsByTopicV3AndBelow)
        try coder.tags()
    }
}
