extension JSONValue {
    /// Reads one JSON text (RFC 8259) of at most `JSONLimits.maximumBytes` bytes and `JSONLimits.maximumDepth` levels. Duplicate names are refused.
    public static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        let parser = JSONParser.take()
        defer { JSONParser.giveBack(parser) }
        return JSONValue(try parser.root(of: bytes))
    }

    /// The same for text in a string.
    public static func parse(_ text: String) throws(JSONError) -> JSONValue { try parse(Array(text.utf8)) }

    /// The value as JSON text without spaces, names sorted, so that equal values give equal bytes. A number that is not finite becomes null.
    public var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }

    /// `bytes` as a string.
    public var jsonText: String { String(decoding: bytes, as: UTF8.self) }

    init(_ element: JSONElement) {
        switch element.kind {
        case .object:
            var members: [String: JSONValue] = [:]
            members.reserveCapacity(Swift.min(element.count, 1024))
            for (name, value) in JSONMembers(element) { members[name.text] = JSONValue(value) }
            self = .object(members)
        case .array: self = .array(JSONElements(element).map { JSONValue($0) })
        case .string: self = .string(element.text)
        case .integer: self = .integer(element.integer)
        case .unsigned: self = Int64(exactly: element.unsigned).map { .integer($0) } ?? .double(Double(element.unsigned))
        case .double: self = .double(element.double)
        case .yes: self = .bool(true)
        case .no: self = .bool(false)
        case .null: self = .null
        default: preconditionFailure("the tape has no value here")
        }
    }
}
