public struct SaslHandshakeRequest: APIRequest {
    public typealias Response = SaslHandshakeResponse
    public var mechanism = ""

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.string(&mechanism)
        try coder.tags()
    }
}

public struct SaslHandshakeResponse: APIResponse {
    public static let api = APIKey.saslHandshake
    public var errorCode: Int16 = 0
    public var mechanisms: [String] = []

    public init() {}

    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int16(&errorCode)
        try coder.array(&mechanisms)
        try coder.tags()
    }
}
