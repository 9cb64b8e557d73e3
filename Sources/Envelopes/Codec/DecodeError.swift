/// Why a record is not an envelope that we read. Such a record is dead-lettered; trying again would not help.
public struct DecodeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A short stable word for programs; it becomes `mesh_error_code`.
    public enum Code: String, Sendable, CaseIterable {
        case nullValue = "null-value"
        case tooLarge = "too-large"
        case notJSON = "not-json"
        case invalidUTF8 = "invalid-utf8"
        case tooDeep = "too-deep"
        case duplicateKey = "duplicate-key"
        case missingField = "missing-field"
        case wrongType = "wrong-type"
        /// Of the right type, but not one of the values that the field may have.
        case invalidValue = "invalid-value"
        /// The envelope is of another type than its topic.
        case typeMismatch = "type-mismatch"
        /// The CloudEvents headers contradict the envelope.
        case headerMismatch = "header-mismatch"
        case unknownVersion = "unknown-version"
        case unsupportedContentType = "unsupported-content-type"
        case unsupportedSpecversion = "unsupported-specversion"
        /// The payload does not fit its JSON Schema.
        case invalidPayload = "invalid-payload"
        /// Older than its `ttl`.
        case expired
    }

    public let code: Code
    /// What is wrong and, where it helps, what the right form is; never a value from the record.
    public let reason: String
    /// Where the record stands, as `topic[partition]@offset`.
    public let place: String

    public init(_ code: Code, _ reason: String, place: String) {
        self.code = code
        self.reason = reason
        self.place = place
    }

    public var description: String { "cannot decode \(place): \(reason)" }
}

/// The sizes that an envelope may have. A longer text is refused, never cut.
public struct EnvelopeLimits: Sendable, Equatable {
    /// The value of a record, in bytes. Default 256 KB.
    public var maximumBytes: Int

    public init(maximumBytes: Int = 256 * 1024) { self.maximumBytes = maximumBytes }

    /// `correlation_id`, `causation_id`, `trace_id` and `mesh_replay`, in UTF-8 bytes; as long as an id.
    public static let maximumIDBytes = EventID.maximumBytes
    /// `source` and `destination`, in UTF-8 bytes.
    public static let maximumNameBytes = 256
    /// `tracestate`, in bytes (what W3C asks for at least). A longer one is left out.
    public static let maximumTracestateBytes = 512
    /// `ttl`: ten years, in seconds.
    public static let maximumTimeToLiveSeconds = 315_360_000.0
    /// `version`: the number, or the first number of a semantic version.
    public static let maximumVersion = 1_000_000
}
