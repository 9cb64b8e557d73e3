import Envelopes

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
