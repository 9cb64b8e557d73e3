/// Decodes one value of a parsed text. Good while its parser's buffers are: during the `init(from:)` that it was handed to.
struct JSONTapeDecoder: Decoder {
    let element: JSONElement
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard element.kind == .object else { throw mismatch([String: JSONValue].self) }
        return KeyedDecodingContainer(JSONKeyedDecoding(object: element, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard element.kind == .array else { throw mismatch([JSONValue].self) }
        return JSONUnkeyedDecoding(array: element, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    /// The value as `Value`, by the shortest way.
    func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if type == JSONValue.self { return unsafeBitCast(JSONValue(element), to: type) }
        if type == String.self { return unsafeBitCast(try text(), to: type) }
        return try type.init(from: self)
    }

    // MARK: Scalars

    func text() throws -> String {
        guard element.kind == .string else { throw mismatch(String.self) }
        return element.text
    }

    func bool() throws -> Bool {
        switch element.kind {
        case .yes: return true
        case .no: return false
        default: throw mismatch(Bool.self)
        }
    }

    func double() throws -> Double {
        switch element.kind {
        case .integer: return Double(element.integer)
        case .unsigned: return Double(element.unsigned)
        case .double: return element.double
        default: throw mismatch(Double.self)
        }
    }

    /// A number written with a fraction or an exponent counts too when it is whole.
    func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        let number: Number? =
            switch element.kind {
            case .integer: Number(exactly: element.integer)
            case .unsigned: Number(exactly: element.unsigned)
            case .double: Number(exactly: element.double)
            default: throw mismatch(type)
            }
        guard let number else {
            throw DecodingError.dataCorrupted(.init(codingPath: codingPath, debugDescription: "the number does not fit \(type)"))
        }
        return number
    }

    private func mismatch(_ type: Any.Type) -> DecodingError {
        let context = DecodingError.Context(codingPath: codingPath, debugDescription: "it is \(element.typeName)")
        return element.kind == .null ? .valueNotFound(type, context) : .typeMismatch(type, context)
    }
}

extension JSONTapeDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { element.kind == .null }
    func decode(_: Bool.Type) throws -> Bool { try bool() }
    func decode(_: String.Type) throws -> String { try text() }
    func decode(_: Double.Type) throws -> Double { try double() }
    func decode(_: Float.Type) throws -> Float { Float(try double()) }
    func decode(_ type: Int.Type) throws -> Int { try integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try value(type) }
}

/// The members of an object.
private struct JSONKeyedDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let object: JSONElement
    let codingPath: [any CodingKey]
    /// Of an object with many members: where each value stands.
    private let places: [String: Int]?

    /// Beyond so many members, looking one up from the front takes too long.
    private static var fewMembers: Int { 24 }

    init(object: JSONElement, codingPath: [any CodingKey]) {
        self.object = object
        self.codingPath = codingPath
        guard object.count > Self.fewMembers else {
            places = nil
            return
        }
        var places: [String: Int] = [:]
        for (name, value) in JSONMembers(object) { places[name.text] = value.index }
        self.places = places
    }

    var allKeys: [Key] { JSONMembers(object).compactMap { Key(stringValue: $0.name.text) } }

    private func find(_ key: Key) -> JSONElement? {
        if let places { return places[key.stringValue].map { object.at($0) } }
        return key.stringValue.withBytes { wanted in
            for (name, value) in JSONMembers(object) where name.bytes.isEqual(to: wanted) { return value }
            return nil
        }
    }

    private func decoder(_ key: Key) throws -> JSONTapeDecoder {
        guard let element = find(key) else {
            throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "it is missing"))
        }
        return JSONTapeDecoder(element: element, codingPath: codingPath + [key])
    }

    func contains(_ key: Key) -> Bool { find(key) != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try decoder(key).decodeNil() }
    func decode(_: Bool.Type, forKey key: Key) throws -> Bool { try decoder(key).bool() }
    func decode(_: Double.Type, forKey key: Key) throws -> Double { try decoder(key).double() }
    func decode(_: Float.Type, forKey key: Key) throws -> Float { Float(try decoder(key).double()) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try decoder(key).integer(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try decoder(key).integer(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try decoder(key).integer(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try decoder(key).integer(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try decoder(key).integer(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try decoder(key).integer(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try decoder(key).integer(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try decoder(key).integer(type) }

    // The common ones make no path unless something is wrong.
    func decode(_: String.Type, forKey key: Key) throws -> String {
        if let element = find(key), element.kind == .string { return element.text }
        return try decoder(key).text()
    }

    func decode(_ type: Int.Type, forKey key: Key) throws -> Int {
        if let element = find(key), element.kind == .integer { return Int(element.integer) }
        return try decoder(key).integer(type)
    }

    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 {
        if let element = find(key), element.kind == .integer { return element.integer }
        return try decoder(key).integer(type)
    }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        if type == JSONValue.self, let element = find(key) { return unsafeBitCast(JSONValue(element), to: type) }
        return try decoder(key).value(type)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
        try decoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try decoder(key).unkeyedContainer() }
    func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }

    func superDecoder() throws -> any Decoder {
        let parent = JSONMembers(object).first { $0.name.isText("super") }?.value
        guard let parent else {
            throw DecodingError.keyNotFound(JSONKey.parent, .init(codingPath: codingPath, debugDescription: "it is missing"))
        }
        return JSONTapeDecoder(element: parent, codingPath: codingPath + [JSONKey.parent])
    }
}

/// The elements of an array.
private struct JSONUnkeyedDecoding: UnkeyedDecodingContainer {
    private let array: JSONElement
    private var place: Int
    private let end: Int
    let codingPath: [any CodingKey]
    private(set) var currentIndex = 0

    init(array: JSONElement, codingPath: [any CodingKey]) {
        self.array = array
        self.codingPath = codingPath
        place = array.index + 1
        end = array.next - 1
    }

    var count: Int? { Array(JSONElements(array)).count }
    var isAtEnd: Bool { place >= end }

    private func decoder(_ type: Any.Type) throws -> JSONTapeDecoder {
        let path = codingPath + [JSONKey(intValue: currentIndex)]
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(type, .init(codingPath: path, debugDescription: "the array ends before it"))
        }
        return JSONTapeDecoder(element: array.at(place), codingPath: path)
    }

    private mutating func next<Value>(_ body: (JSONTapeDecoder) throws -> Value) throws -> Value {
        let decoder = try decoder(Value.self)
        let value = try body(decoder)
        place = decoder.element.next
        currentIndex += 1
        return value
    }

    mutating func decodeNil() throws -> Bool {
        guard try decoder(JSONValue.self).decodeNil() else { return false }
        return try next { _ in true }
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next { try $0.value(type) } }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
        try next { try $0.container(keyedBy: type) }
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next { try $0.unkeyedContainer() } }
    mutating func superDecoder() throws -> any Decoder { try next { $0 } }
}
