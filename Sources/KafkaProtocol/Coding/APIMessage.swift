/// A request of the protocol, with the fields of all its versions.
///
/// Types and fields have the names of Kafka's message definitions; structures that only one message uses are nested in it.
public protocol APIRequest: WireField {
    associatedtype Response: APIResponse
    static var api: APIKey { get }
}

extension APIRequest {
    public static var api: APIKey { Response.api }
}

/// What answers a request.
public protocol APIResponse: WireField {
    static var api: APIKey { get }
}

/// What stands before every request.
public struct RequestHeader: Sendable, Equatable {
    public let apiKey: Int16
    public let apiVersion: Int16
    public let correlationID: Int32
    public let clientID: String?

    public init(apiKey: Int16, apiVersion: Int16, correlationID: Int32, clientID: String?) {
        self.apiKey = apiKey
        self.apiVersion = apiVersion
        self.correlationID = correlationID
        self.clientID = clientID
    }

    /// Reads the header and returns a reader for what follows. An API or version that is not known is not an error here: ApiVersions has an answer for it,
    /// and its reader stands behind the client's name.
    public static func read(_ frame: [UInt8]) throws(WireError) -> (RequestHeader, MessageReader) {
        var reader = MessageReader(frame, version: 0, isFlexible: false)
        var key: Int16 = 0
        var version: Int16 = 0
        var correlationID: Int32 = 0
        var clientID: String?
        try reader.int16(&key)
        try reader.int16(&version)
        try reader.int32(&correlationID)
        try reader.nullableString(&clientID)
        let header = RequestHeader(apiKey: key, apiVersion: version, correlationID: correlationID, clientID: clientID)
        let isFlexible = APIKey(rawValue: key)?.isFlexible(version) ?? false
        var body = reader.reading(version: version, isFlexible: isFlexible)
        if isFlexible { try body.tags() }
        return (header, body)
    }
}
