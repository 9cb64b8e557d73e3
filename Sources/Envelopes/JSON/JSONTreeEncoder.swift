/// Collects what one value writes. Confined to the call that made it.
final class JSONTreeEncoder: Encoder {
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    fileprivate(set) var tree: JSONTree?

    init(codingPath: [any CodingKey]) { self.codingPath = codingPath }

    func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(JSONKeyedEncoding(node: object(), codingPath: codingPath))
    }

    private func object() -> JSONObjectNode {
        if case .object(let node) = tree { return node }
        let node = JSONObjectNode()
        tree = .object(node)
        return node
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .array(let node) = tree { return JSONUnkeyedEncoding(node: node, codingPath: codingPath) }
        let node = JSONArrayNode()
        tree = .array(node)
        return JSONUnkeyedEncoding(node: node, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    /// What `value` writes; its encoder is made only where its type needs one.
    fileprivate static func tree<Value: Encodable>(of value: Value, _ path: @autoclosure () -> [any CodingKey]) throws -> JSONTree {
        if Value.self == JSONValue.self { return .value(unsafeBitCast(value, to: JSONValue.self)) }
        if Value.self == String.self { return .string(unsafeBitCast(value, to: String.self)) }
        let encoder = JSONTreeEncoder(codingPath: path())
        try value.encode(to: encoder)
        return encoder.tree ?? .object(JSONObjectNode())
    }

    fileprivate static func tree(of value: Double, _ path: @autoclosure () -> [any CodingKey]) throws -> JSONTree {
        guard value.isFinite else {
            throw EncodingError.invalidValue(value, .init(codingPath: path(), debugDescription: "JSON has no such number"))
        }
        return .double(value)
    }
}

extension JSONTreeEncoder: SingleValueEncodingContainer {
    func encodeNil() { tree = .null }
    func encode(_ value: Bool) { tree = .bool(value) }
    func encode(_ value: String) { tree = .string(value) }
    func encode(_ value: Double) throws { tree = try Self.tree(of: value, codingPath) }
    func encode(_ value: Float) throws {
        // Through its text, so that 0.1 does not become 0.10000000149011612.
        tree = try Self.tree(of: Double(value.description) ?? Double(value), codingPath)
    }
    func encode(_ value: Int) { tree = .integer(Int64(value)) }
    func encode(_ value: Int8) { tree = .integer(Int64(value)) }
    func encode(_ value: Int16) { tree = .integer(Int64(value)) }
    func encode(_ value: Int32) { tree = .integer(Int64(value)) }
    func encode(_ value: Int64) { tree = .integer(value) }
    func encode(_ value: UInt) { tree = .unsigned(UInt64(value)) }
    func encode(_ value: UInt8) { tree = .unsigned(UInt64(value)) }
    func encode(_ value: UInt16) { tree = .unsigned(UInt64(value)) }
    func encode(_ value: UInt32) { tree = .unsigned(UInt64(value)) }
    func encode(_ value: UInt64) { tree = .unsigned(value) }

    func encode<Value: Encodable>(_ value: Value) throws {
        if Value.self == JSONValue.self { tree = .value(unsafeBitCast(value, to: JSONValue.self)) } else { try value.encode(to: self) }
    }
}

/// The members of an object.
private struct JSONKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: JSONObjectNode
    let codingPath: [any CodingKey]

    mutating func encodeNil(forKey key: Key) { node.set(key.stringValue, .null) }
    mutating func encode(_ value: Bool, forKey key: Key) { node.set(key.stringValue, .bool(value)) }
    mutating func encode(_ value: String, forKey key: Key) { node.set(key.stringValue, .string(value)) }
    mutating func encode(_ value: Int, forKey key: Key) { node.set(key.stringValue, .integer(Int64(value))) }
    mutating func encode(_ value: Int64, forKey key: Key) { node.set(key.stringValue, .integer(value)) }
    mutating func encode(_ value: Double, forKey key: Key) throws {
        node.set(key.stringValue, try JSONTreeEncoder.tree(of: value, codingPath + [key]))
    }
    mutating func encode(_ value: some Encodable, forKey key: Key) throws {
        node.set(key.stringValue, try JSONTreeEncoder.tree(of: value, codingPath + [key]))
    }

    private func nested(_ key: any CodingKey) -> JSONTreeEncoder {
        let encoder = JSONTreeEncoder(codingPath: codingPath + [key])
        if let tree = node.tree(of: key.stringValue), case .pending(let earlier) = tree { return earlier }
        node.set(key.stringValue, .pending(encoder))
        return encoder
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
        nested(key).container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { nested(key).unkeyedContainer() }
    mutating func superEncoder() -> any Encoder { nested(JSONKey.parent) }
    mutating func superEncoder(forKey key: Key) -> any Encoder { nested(key) }
}

/// The elements of an array.
private struct JSONUnkeyedEncoding: UnkeyedEncodingContainer {
    let node: JSONArrayNode
    let codingPath: [any CodingKey]

    var count: Int { node.elements.count }
    private var path: [any CodingKey] { codingPath + [JSONKey(intValue: count)] }

    mutating func encodeNil() { node.elements.append(.null) }
    mutating func encode(_ value: some Encodable) throws { node.elements.append(try JSONTreeEncoder.tree(of: value, path)) }

    private func nested() -> JSONTreeEncoder {
        let encoder = JSONTreeEncoder(codingPath: path)
        node.elements.append(.pending(encoder))
        return encoder
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        nested().container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
    mutating func superEncoder() -> any Encoder { nested() }
}
