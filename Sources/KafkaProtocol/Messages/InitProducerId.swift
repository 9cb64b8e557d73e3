public struct InitProducerIdRequest: APIRequest {
    public typealias Response = InitProducerIdResponse
    public var transactionalId: String?
    public var transactionTimeoutMs: Int32 = 0
    public var producerId: Int64 = -1
    public var producerEpoch: Int16 = -1

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.nullableString(&transactionalId)
        try coder.int32(&transactionTimeoutMs)
        if coder.version >= 3 {
            try coder.int64(&producerId)
            try coder.int16(&producerEpoch)
        }
        try coder.tags()
    }
}

public struct InitProducerIdResponse: APIResponse {
    public static let api = APIKey.initProducerId
    public var throttleTimeMs: Int32 = 0
    public var errorCode: Int16 = 0
    public var producerId: Int64 = -1
    public var producerEpoch: Int16 = 0

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&throttleTimeMs)
        try coder.int16(&errorCode)
        try coder.int64(&producerId)
        try coder.int16(&producerEpoch)
        try coder.tags()
    }
}
