/// Reads one parsed record into an envelope.
struct EnvelopeReader {
    let parser: JSONParser
    let document: JSONDocument
    let bytes: UnsafeBufferPointer<UInt8>
    let headers: HeaderFields
    let place: RecordPlace
    let expecting: EnvelopeCodec.ExpectedType
    let rules: PayloadRules?

    func read() throws(DecodeError) -> Envelope {
        let root = document.root
        switch headers.mode {
        case .plain:
            try requireObject(root)
            return try plain(EnvelopeFields(envelope: root))
        case .binary:
            try requireSpecversion(headers.specversion.map { String(decoding: $0, as: UTF8.self) })
            try requireObject(root)
            let fields = EnvelopeFields(envelope: root)
            // Our own records carry both. Data that merely has a member `payload` is told from an envelope by its other members.
            guard fields.payload?.kind == .object, !fields.hasOthers || fields.id != nil && fields.source != nil else {
                return try binary(root)
            }
            try requireAgreement(fields)
            return try plain(fields)
        case .structured:
            try requireObject(root)
            return try structured(EnvelopeFields(cloudEvent: root))
        case .batch: throw place.error(.unsupportedContentType, "a batch of CloudEvents; Kafka's binding knows single ones only")
        case .other: throw place.error(.unsupportedContentType, "the content-type is not JSON")
        }
    }

    // MARK: The forms

    /// An envelope. What it leaves out is filled from the headers, and then from the record.
    private func plain(_ fields: EnvelopeFields) throws(DecodeError) -> Envelope {
        guard let payload = fields.payload else {
            throw place.error(
                .missingField,
                "the field payload is missing. The shortest record is {\"payload\": {...}}; id, timestamp, source and type are filled in. "
                    + "A CloudEvent has its data as the value, and the headers ce_specversion, ce_id, ce_source and ce_type")
        }
        return try envelope(
            fields, payload: payload, range: payload.kind == .object ? document.rangeOfMember(fields.payloadMember, in: bytes) : 0..<0)
    }

    private func binary(_ root: JSONElement) throws(DecodeError) -> Envelope {
        for (name, value) in [("ce_id", headers.id), ("ce_source", headers.source), ("ce_type", headers.type)] where value == nil {
            throw place.error(.missingField, "the header \(name) is missing, which a CloudEvent must have")
        }
        return try envelope(EnvelopeFields(data: root), payload: root, range: document.rangeOfRoot)
    }

    private func structured(_ fields: EnvelopeFields) throws(DecodeError) -> Envelope {
        try requireSpecversion(try text(fields.specversion, "specversion", orHeader: nil, "", limit: 16))
        for (name, value) in [("id", fields.id), ("source", fields.source), ("type", fields.type)] where value == nil {
            throw place.error(.missingField, "the field \(name) is missing, which a CloudEvent must have")
        }
        if fields.dataBase64 != nil { throw place.error(.invalidValue, "data_base64 is not read: send a JSON object as data") }
        guard let payload = fields.payload, payload.kind != .null else { throw place.error(.missingField, "the field data is missing") }
        return try envelope(
            fields, payload: payload, range: payload.kind == .object ? document.rangeOfMember(fields.payloadMember, in: bytes) : 0..<0)
    }

    // MARK: The fields

    private func envelope(_ fields: EnvelopeFields, payload: JSONElement, range: Range<Int>) throws(DecodeError) -> Envelope {
        guard payload.kind == .object else { throw wrongType("payload", payload, expected: "an object") }
        let type = try type(fields)
        let version = try version(fields.version)
        if let rules, version > rules.version {
            throw place.error(.unknownVersion, "version \(version) of the payload, newest known is \(rules.version)")
        }
        let id = try id(fields)
        let timestamp = try timestamp(fields)
        let source = try source(fields)
        let destination = try name(fields.destination, "destination", elseMember: "routing_key")
        let priority = try priority(fields)
        let traceID = try identifier(fields.traceID, "trace_id", orHeader: nil, "")
        let correlation = try identifier(fields.correlationID, "correlation_id", orHeader: headers.correlationID, "ce_correlationid")
        let causation = try identifier(fields.causationID, "causation_id", orHeader: headers.causationID, "ce_causationid")
        let timeToLive = try timeToLive(fields)
        let replay = try header(headers.replay, "mesh_replay")
        if let violations = rules?.schema?.violations(in: payload), let first = violations.first {
            let others = violations.count > 1 ? ", and \(violations.count - 1) more" : ""
            throw place.error(.invalidPayload, "payload\(first.pointer): \(first.message)\(others)")
        }
        let text = Array(bytes[range])
        parser.remember(text, as: payload)
        return Envelope(
            id: id, timestamp: timestamp, source: source, destination: destination, type: type, version: version,
            payload: text, priority: priority, correlation: correlation ?? traceID, causation: causation,
            timeToLive: timeToLive, trace: TraceContext(headers) ?? traceID.flatMap { TraceContext(traceID: $0.text, of: id) },
            replay: replay)
    }

    private func id(_ fields: EnvelopeFields) throws(DecodeError) -> EventID {
        if let element = fields.id {
            let bytes = try legal(element, "id", limit: EventID.maximumBytes)
            guard !bytes.isEmpty else { throw place.error(.invalidValue, "id is empty or has control characters") }
            return EventID(trusted: Identifier(bytes))
        }
        guard let text = try header(headers.id, "ce_id", limit: EventID.maximumBytes) else {
            return .derived(topic: place.topic, partition: place.partition, offset: place.offset, timestamp: place.timestamp)
        }
        return EventID(trusted: Identifier(text))
    }

    private func timestamp(_ fields: EnvelopeFields) throws(DecodeError) -> Timestamp {
        let written: Timestamp??
        if let element = fields.timestamp {
            guard element.kind == .string else { throw wrongType("timestamp", element, expected: "a string in the form of RFC 3339") }
            written = Timestamp.parse(element.bytes)
        } else if let header = headers.time {
            written = Timestamp.parse(header)
        } else {
            return (place.timestamp ?? Timestamp(milliseconds: 0)).clampedToText
        }
        guard let timestamp = written ?? nil else {
            throw place.error(.invalidValue, "timestamp is not in the form of RFC 3339, e.g. 2026-11-21T11:44:36.250Z")
        }
        return timestamp
    }

    private func source(_ fields: EnvelopeFields) throws(DecodeError) -> String {
        if let name = try name(fields.source, "source", elseMember: nil) {
            return headers.mode == .structured ? SourceURI.name(of: name) : name
        }
        guard let uri = try header(headers.source, "ce_source", limit: EnvelopeLimits.maximumNameBytes) else { return SourceURI.unknown }
        return SourceURI.name(of: uri)
    }

    private func type(_ fields: EnvelopeFields) throws(DecodeError) -> EventType {
        let type: EventType
        switch expecting {
        case .topic: type = EventType(place.topic)
        case .type(let expected): type = expected
        case .any:
            guard let written = try text(fields.type, "type", orHeader: headers.type, "ce_type", limit: Self.maximumTypeBytes) else {
                throw place.error(.missingField, "the field type and the header ce_type are missing")
            }
            type = EventType(written)
            guard type.isLegal else { throw place.error(.invalidValue, "type is not a legal name of a topic") }
            return type
        }
        let isSame: Bool
        if let element = fields.type {
            let written = try legal(element, "type", limit: Self.maximumTypeBytes)
            isSame = type.name.withBytes { written.isEqual(to: $0) }
        } else if let written = try header(headers.type, "ce_type", limit: Self.maximumTypeBytes) {
            isSame = written == type.name
        } else {
            isSame = true
        }
        guard isSame else {
            throw place.error(.typeMismatch, "the type is not \(type); the type of an event is the name of its topic")
        }
        return type
    }

    /// The longest name of a topic.
    private static let maximumTypeBytes = 249

    private func version(_ element: JSONElement?) throws(DecodeError) -> Int {
        guard let element else { return 1 }
        let number: Int?
        switch element.kind {
        case .integer: number = Int(element.integer)
        case .string: number = Self.majorVersion(element.bytes)
        default: throw wrongType("version", element, expected: "a whole number or a semantic version")
        }
        guard let number, (0...EnvelopeLimits.maximumVersion).contains(number) else {
            throw place.error(
                .invalidValue,
                "version is neither a whole number from 0 to \(EnvelopeLimits.maximumVersion) nor a semantic version such as \"2.1.0\"")
        }
        return number
    }

    /// The first number of `2`, `2.1`, `2.1.0`, `2.1.0-beta` or `2.1.0+build`.
    private static func majorVersion(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        guard bytes.count <= 64 else { return nil }
        let core = bytes.prefix { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "+") }
        let parts = core.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count <= 3,
            parts.allSatisfy({ !$0.isEmpty && $0.count <= 9 && $0.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } })
        else {
            return nil
        }
        return parts[0].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    private func priority(_ fields: EnvelopeFields) throws(DecodeError) -> Priority {
        let priority: Priority?
        if let element = fields.priority {
            priority = Priority(try legal(element, "priority", limit: 16))
        } else if let text = try header(headers.priority, "ce_priority", limit: 16) {
            priority = Priority(rawValue: text)
        } else {
            priority = .medium
        }
        guard let priority else { throw place.error(.invalidValue, "priority is not one of critical, high, medium, low") }
        return priority
    }

    private func timeToLive(_ fields: EnvelopeFields) throws(DecodeError) -> Duration? {
        let seconds: Double
        if let element = fields.timeToLive {
            switch element.kind {
            case .integer, .unsigned, .double: seconds = element.number
            default: throw wrongType("ttl", element, expected: "a number of seconds")
            }
        } else if let text = try header(headers.timeToLive, "ce_ttl", limit: 32) {
            guard let number = Double(text) else { throw place.error(.invalidValue, "ce_ttl is not a number of seconds") }
            seconds = number
        } else {
            return nil
        }
        guard seconds >= 0.001, seconds <= EnvelopeLimits.maximumTimeToLiveSeconds else {
            throw place.error(.invalidValue, "ttl is not between 0.001 and \(Int(EnvelopeLimits.maximumTimeToLiveSeconds)) seconds")
        }
        return .milliseconds(Int64((seconds * 1000).rounded()))
    }

    // MARK: Parts

    /// A name that stands as a string, or as the `bot_name` of an object (else its `elseMember`).
    private func name(_ element: JSONElement?, _ field: String, elseMember: StaticString?) throws(DecodeError) -> String? {
        guard let element else { return nil }
        guard element.kind == .object else {
            let bytes = try legal(element, field, limit: EnvelopeLimits.maximumNameBytes)
            guard !bytes.isEmpty else { throw place.error(.invalidValue, "\(field) is empty") }
            return parser.name(bytes)
        }
        var other: JSONElement?
        for (name, value) in JSONMembers(element) where value.kind != .null {
            if name.isText("bot_name") { return try self.name(string(value, "\(field).bot_name"), "\(field).bot_name", elseMember: nil) }
            if let elseMember, name.isText(elseMember) { other = value }
        }
        if let other { return try name(string(other, "\(field).routing_key"), "\(field).routing_key", elseMember: nil) }
        throw place.error(.missingField, "the field \(field).bot_name is missing")
    }

    private func string(_ element: JSONElement, _ field: String) throws(DecodeError) -> JSONElement {
        guard element.kind == .string else { throw wrongType(field, element, expected: "a string") }
        return element
    }

    /// An empty one counts as absent.
    private func identifier(
        _ element: JSONElement?, _ field: String, orHeader value: HeaderFields.Bytes?, _ name: String
    ) throws(DecodeError) -> Identifier? {
        if let element {
            let bytes = try legal(element, field, limit: EnvelopeLimits.maximumIDBytes)
            if !bytes.isEmpty { return Identifier(bytes) }
        }
        return try header(value, name).map { Identifier($0) }
    }

    private func text(
        _ element: JSONElement?, _ field: String, orHeader value: HeaderFields.Bytes?, _ name: String, limit: Int
    ) throws(DecodeError) -> String? {
        if let element { return try text(element, field, limit: limit) }
        return try header(value, name, limit: limit)
    }

    private func text(_ element: JSONElement, _ field: String, limit: Int) throws(DecodeError) -> String {
        String(decoding: try legal(element, field, limit: limit), as: UTF8.self)
    }

    /// The bytes of a string of at most `limit` bytes without control characters.
    private func legal(_ element: JSONElement, _ field: String, limit: Int) throws(DecodeError) -> UnsafeBufferPointer<UInt8> {
        guard element.kind == .string else { throw wrongType(field, element, expected: "a string") }
        let bytes = element.bytes
        guard bytes.count <= limit else { throw place.error(.invalidValue, "\(field) is longer than \(limit) bytes") }
        guard !bytes.hasControlCharacters else { throw place.error(.invalidValue, "\(field) has control characters") }
        return bytes
    }

    /// The same for a header; nil when it is absent or empty.
    private func header(
        _ value: HeaderFields.Bytes?, _ name: String, limit: Int = EnvelopeLimits.maximumIDBytes
    ) throws(DecodeError) -> String? {
        guard let value, !value.isEmpty else { return nil }
        guard value.count <= limit else { throw place.error(.invalidValue, "the header \(name) is longer than \(limit) bytes") }
        guard let text = String(validating: value, as: UTF8.self) else {
            throw place.error(.invalidUTF8, "the header \(name) is not valid UTF-8")
        }
        guard !value.hasControlCharacters else {
            throw place.error(.invalidValue, "the header \(name) has control characters")
        }
        return text
    }

    private func wrongType(_ field: String, _ element: JSONElement, expected: String) -> DecodeError {
        place.error(.wrongType, "\(field) is \(element.typeName), expected \(expected)")
    }

    private func requireObject(_ root: JSONElement) throws(DecodeError) {
        guard root.kind == .object else { throw place.error(.wrongType, "the value is \(root.typeName), expected an object") }
    }

    private func requireSpecversion(_ text: String?) throws(DecodeError) {
        guard text == "1.0" else { throw place.error(.unsupportedSpecversion, "specversion of CloudEvents is not 1.0") }
    }

    /// An envelope in a record with CloudEvents headers must be the event that they announce.
    private func requireAgreement(_ fields: EnvelopeFields) throws(DecodeError) {
        try requireAgreement(fields.id, headers.id, "id")
        try requireAgreement(fields.type, headers.type, "type")
    }

    private func requireAgreement(_ element: JSONElement?, _ header: HeaderFields.Bytes?, _ name: String) throws(DecodeError) {
        guard let element, let header, element.kind == .string, !element.bytes.isEqual(to: header) else { return }
        throw place.error(.headerMismatch, "\(name) is not that of the header ce_\(name)")
    }
}

extension Priority {
    /// By its name in UTF-8.
    fileprivate init?(_ name: UnsafeBufferPointer<UInt8>) {
        if name.isText("medium") {
            self = .medium
        } else if name.isText("low") {
            self = .low
        } else if name.isText("high") {
            self = .high
        } else if name.isText("critical") {
            self = .critical
        } else {
            return nil
        }
    }
}
