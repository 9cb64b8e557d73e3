/// The payload of one event type, as Swift sees it. Its JSON keys are snake_case, spelt out in `CodingKeys`.
///
/// The JSON Schema in `topics/` is the contract; a test keeps the two equal.
public protocol EventPayload: Codable, Sendable, Equatable {
    static var type: EventType { get }
    /// The version of the schema that this Swift type writes. Older versions are read by the same type.
    static var version: Int { get }
    /// The key of the record; nil spreads records over the partitions.
    var key: String? { get }
    /// The payload as JSON text. Default: by `Codable`, names sorted, so that the same value always gives the same bytes.
    func jsonBytes() throws(PayloadError) -> [UInt8]
}

extension EventPayload {
    public static var version: Int { 1 }
}

/// A payload that does not have the form that its Swift type asks for.
public struct PayloadError: Error, Equatable, CustomStringConvertible {
    public let type: EventType
    /// What is wrong and where in the payload; never a value from it.
    public let reason: String

    public init(type: EventType, reason: String) {
        self.type = type
        self.reason = reason
    }

    public var description: String { "payload of \(type): \(reason)" }
}

extension Envelope {
    /// The payload as `Payload`. Throws when a field is missing or of another type.
    public func decode<Payload: EventPayload>(_: Payload.Type = Payload.self) throws(PayloadError) -> Payload {
        do {
            return try JSONCoder.decode(Payload.self, from: payload)
        } catch let error as DecodingError {
            throw PayloadError(type: Payload.type, reason: error.summary)
        } catch {
            throw PayloadError(type: Payload.type, reason: "not readable as JSON")
        }
    }
}

extension EventPayload {
    public func jsonBytes() throws(PayloadError) -> [UInt8] {
        do {
            return try JSONCoder.bytes(self)
        } catch {
            throw PayloadError(type: Self.type, reason: "cannot be written as JSON: a number is not finite")
        }
    }
}

extension DecodingError {
    /// What is wrong and where, without any value of the input.
    fileprivate var summary: String {
        func path(_ context: Context, _ last: (any CodingKey)? = nil) -> String {
            let keys = (context.codingPath + (last.map { [$0] } ?? [])).map { key in key.intValue.map { "[\($0)]" } ?? key.stringValue }
            return keys.isEmpty ? "the payload" : keys.joined(separator: ".")
        }
        switch self {
        case .keyNotFound(let key, let context): return "\(path(context, key)) is missing"
        case .valueNotFound(let type, let context): return "\(path(context)) is null, expected \(type)"
        case .typeMismatch(let type, let context): return "\(path(context)) has the wrong type, expected \(type)"
        case .dataCorrupted(let context): return "\(path(context)) is not a legal value"
        @unknown default: return "not readable"
        }
    }
}
