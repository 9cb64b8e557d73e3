import Envelopes

/// The payload of an event that is handed on as it stands, without being read. Its event type stands in the output that carries it.
public struct PassedPayload: EventPayload {
    /// Stands for all of them in messages; no topic has this name.
    public static let type: EventType = "<passed>"

    /// The UTF-8 text of one JSON object.
    public let json: [UInt8]
    public let key: String?

    public init(of envelope: Envelope, key: String? = nil) {
        json = envelope.payload
        self.key = key
    }

    public init(from decoder: any Decoder) throws {
        json = try JSONValue(from: decoder).bytes
        key = nil
    }

    public func encode(to encoder: any Encoder) throws { try JSONCoder.decode(JSONValue.self, from: json).encode(to: encoder) }
    public func jsonBytes() -> [UInt8] { json }
}

/// A payload whose form only a configuration knows: an event that a custom bot produces. Its event type stands in the output that carries it.
public struct RawPayload: EventPayload {
    /// Stands for all of them in messages; no topic has this name.
    public static let type: EventType = "<custom>"

    public var value: JSONValue
    public var key: String?

    public init(_ value: JSONValue, key: String? = nil) {
        self.value = value
        self.key = key
    }

    public init(from decoder: any Decoder) throws { value = try JSONValue(from: decoder) }
    public func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}
