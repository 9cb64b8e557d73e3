public struct EndTxnRequest: APIRequest {
    public typealias Response = EndTxnResponse
    public var transactionalId = ""
    public var producerId: Int64 = 0
    public var producerEpoch: Int16 = 0
    public var committed = false

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&transactionalId)
        try coder.int64(&producerId)
        try coder.int16(&producerEpoch)
        try coder.bool(&committed)
        try coder.tags()
    }
}

public struct EndTxnResponse: APIResponse {
    public static let api = APIKey.endTxn
    public var throttleTimeMs: Int32 = 0
    public var errorCode: Int16 = 0

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&throttleTimeMs)
        try coder.int16(&errorCode)
        try coder.tags()
    }
}
