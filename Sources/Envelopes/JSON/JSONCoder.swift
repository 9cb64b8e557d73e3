/// Swift values to JSON text and back, for payloads and for the mesh's own records. Any thread.
///
/// The forms are those of Foundation's coders, and texts are read under `JSONLimits`. Names are sorted and slashes stand as they are, so that the same value
/// always gives the same bytes.
public enum JSONCoder {
    /// Throws `JSONError` for what is no JSON, and `DecodingError` for what has another form than `Value` asks for.
    public static func decode<Value: Decodable>(_ type: Value.Type = Value.self, from bytes: [UInt8]) throws -> Value {
        let parser = JSONParser.take()
        defer { JSONParser.giveBack(parser) }
        return try JSONTapeDecoder(element: try parser.root(of: bytes), codingPath: []).value(type)
    }

    /// Throws `EncodingError` where a number is not finite, or where the value writes nothing.
    public static func bytes(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONTreeEncoder(codingPath: [])
        try encoder.encode(value)
        guard let tree = encoder.tree else {
            throw EncodingError.invalidValue(value, .init(codingPath: [], debugDescription: "it has no JSON form"))
        }
        var writer = JSONWriter()
        tree.write(to: &writer)
        return writer.bytes
    }
}

/// A member's name or an element's number, where no type gives one.
struct JSONKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init(intValue: Int) {
        stringValue = String(intValue)
        self.intValue = intValue
    }

    static let parent = JSONKey(stringValue: "super")
}
