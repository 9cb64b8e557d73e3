public struct AddOffsetsToTxnRequest: APIRequest {
    public typealias Response = AddOffsetsToTxnResponse
    public var transactionalId = ""
    public var producerId: Int64 = 0
    public var producerEpoch: Int16 = 0
    public var groupId = ""

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&transactionalId)
        try coder.int64(&producerId)
        try coder.int16(&producerEpoch)
        try coder.string(&groupId)
        try coder.tags()
    }
}

public struct AddOffsetsToTxnResponse: APIResponse {
    public static let api = APIKey.addOffsetsToTxn
    public var throttleTimeMs: Int32 = 0
    public var errorCode: Int16 = 0

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&throttleTimeMs)
        try coder.int16(&errorCode)
        try coder.tags()
    }
}
