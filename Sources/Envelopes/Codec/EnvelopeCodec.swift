/// Records to envelopes and back. Source of the formats: `docs/wire-format.md`.
///
/// Any thread.
public struct EnvelopeCodec: Sendable {
    public let limits: EnvelopeLimits

    public init(limits: EnvelopeLimits = EnvelopeLimits()) { self.limits = limits }

    /// What type the record's envelope must have.
    public enum ExpectedType: Sendable, Equatable {
        /// The topic's name: the rule on event topics.
        case topic
        case type(EventType)
        /// Whatever the envelope or the header `ce_type` says: on retry, inbox and dead-letter topics.
        case any
    }

    /// Reads a record.
    ///
    /// Both shapes of an envelope, the short form written by hand, and CloudEvents in binary and structured mode are read. With `definition`, the version
    /// and the payload are checked against it; with `now`, an expired envelope is refused. `timestamp` is the record's, and stands in for a missing one.
    public func decode(
        value: [UInt8]?, headers: [EnvelopeHeader], topic: String, partition: Int32, offset: Int64, timestamp: Timestamp?,
        expecting: ExpectedType = .topic, definition: EventDefinition? = nil, now: Timestamp? = nil
    ) throws(DecodeError) -> Envelope {
        try HeaderFields.with(headers) { (headers) throws(DecodeError) in
            try decode(
                value: value, headers: headers, topic: topic, partition: partition, offset: offset, timestamp: timestamp,
                expecting: expecting, rules: definition.map { PayloadRules($0) }, now: now)
        }
    }

    /// The same for whoever has the headers in another form, and the rules at hand.
    public func decode(
        value: [UInt8]?, headers: HeaderFields, topic: String, partition: Int32, offset: Int64, timestamp: Timestamp?,
        expecting: ExpectedType = .topic, rules: PayloadRules? = nil, now: Timestamp? = nil
    ) throws(DecodeError) -> Envelope {
        let place = RecordPlace(topic: topic, partition: partition, offset: offset, timestamp: timestamp)
        guard let value else { throw place.error(.nullValue, "the value is null") }
        guard value.count <= limits.maximumBytes else {
            throw place.error(.tooLarge, "\(value.count) bytes, the largest envelope that is read has \(limits.maximumBytes)")
        }
        let parser = JSONParser.take()
        defer { JSONParser.giveBack(parser) }
        let envelope = try value.withUnsafeBufferPointer { (bytes) throws(DecodeError) -> Envelope in
            let document: JSONDocument
            do throws(JSONError) {
                document = try parser.parse(bytes)
            } catch {
                throw place.error(DecodeError.Code(error.code), "the value cannot be read: \(error.message)")
            }
            let reader = EnvelopeReader(
                parser: parser, document: document, bytes: bytes, headers: headers, place: place, expecting: expecting, rules: rules)
            return try reader.read()
        }
        if let now, let expiry = envelope.expiry, now > expiry {
            throw place.error(.expired, "it was to matter until \(expiry), and is read at \(now)")
        }
        return envelope
    }

    /// Writes an envelope: the flat shape as the value; the four headers that CloudEvents requires and `content-type`; `traceparent`, `tracestate` and
    /// `mesh_replay` where the envelope has them.
    public func encode(_ envelope: Envelope) -> EncodedEnvelope {
        var headers: [EnvelopeHeader] = []
        self.headers(of: envelope) { headers.append(EnvelopeHeader(String(decoding: $0, as: UTF8.self), Array($1))) }
        return EncodedEnvelope(value: value(of: envelope), headers: headers)
    }

    /// The value alone: the flat shape.
    public func value(of envelope: Envelope) -> [UInt8] { withValue(of: envelope) { Array($0) } }

    /// The same without an array: its bytes are valid within `body`.
    public func withValue<Result>(of envelope: Envelope, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        envelope.withJSON(body)
    }

    /// The headers alone: `header` gets name and value of each, valid within the call.
    public func headers(of envelope: Envelope, to header: (HeaderFields.Bytes, HeaderFields.Bytes) -> Void) {
        envelope.writeHeaders(to: header)
    }

    /// Value and headers have no more bytes than these. Those of small events have about half of them, since the payload counts once. Nothing is written to find out.
    public func mostBytes(of envelope: Envelope) -> Int { envelope.mostBytes }
}

/// What a payload is checked against.
public struct PayloadRules: Sendable {
    /// The newest version of the payload that is known.
    let version: Int
    let schema: JSONSchema?

    public init(_ definition: EventDefinition) {
        version = definition.version
        schema = definition.schema
    }

    /// What in a payload does not fit, as `JSONSchema.validate` says it; nil where the type has no schema.
    public func violations(in payload: [UInt8]) -> [SchemaViolation]? { schema?.validate(payload) }
}

/// A header of a record.
public struct EnvelopeHeader: Hashable, Sendable {
    public let name: String
    public let value: [UInt8]?

    public init(_ name: String, _ value: [UInt8]?) {
        self.name = name
        self.value = value
    }

    public init(_ name: String, _ value: String) { self.init(name, Array(value.utf8)) }
}

/// An envelope as it stands in a record.
public struct EncodedEnvelope: Sendable, Equatable {
    public let value: [UInt8]
    public let headers: [EnvelopeHeader]
}

extension Envelope {
    /// When it stops to matter; nil for never.
    public var expiry: Timestamp? { timeToLive.map { timestamp.advanced(by: $0) } }

    public func isExpired(at now: Timestamp) -> Bool { expiry.map { now > $0 } ?? false }
}

/// Where a record stands, for messages and derived ids.
struct RecordPlace {
    let topic: String
    let partition: Int32
    let offset: Int64
    let timestamp: Timestamp?

    func error(_ code: DecodeError.Code, _ reason: String) -> DecodeError {
        DecodeError(code, reason, place: "\(topic)[\(partition)]@\(offset)")
    }
}

extension DecodeError.Code {
    init(_ code: JSONError.Code) {
        self =
            switch code {
            case .notJSON: .notJSON
            case .invalidUTF8: .invalidUTF8
            case .tooDeep: .tooDeep
            case .tooLarge: .tooLarge
            case .duplicateKey: .duplicateKey
            }
    }
}
