public struct SaslAuthenticateRequest: APIRequest {
    public typealias Response = SaslAuthenticateResponse
    public var authBytes: [UInt8] = []

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.bytes(&authBytes)
        try coder.tags()
    }
}

public struct SaslAuthenticateResponse: APIResponse {
    public static let api = APIKey.saslAuthenticate
    public var errorCode: Int16 = 0
    public var errorMessage: String?
    public var authBytes: [UInt8] = []
    public var sessionLifetimeMs: Int64 = 0

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int16(&errorCode)
        try coder.nullableString(&errorMessage)
        try coder.bytes(&authBytes)
        if coder.version >= 1 { try coder.int64(&sessionLifetimeMs) }
        try coder.tags()
    }
}
