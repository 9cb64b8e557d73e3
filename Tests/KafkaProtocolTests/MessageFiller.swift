import KafkaProtocol

/// Fills the fields of a version with values that follow from their place: the n-th gets n, or n in each of its bytes or so; arrays get two elements.
struct MessageFiller: MessageCoder {
    let version: Int16
    let isFlexible: Bool
    private var fields = 0

    static func filled<Message: WireField>(_ type: Message.Type, api: APIKey, version: Int16) throws -> Message {
        var filler = MessageFiller(version: version, isFlexible: api.isFlexible(version))
        var message = Message()
        try message.code(&filler)
        return message
    }

    init(version: Int16, isFlexible: Bool) {
        self.version = version
        self.isFlexible = isFlexible
    }

    private mutating func next() -> Int64 {
        fields += 1
        return Int64(fields)
    }

    mutating func bool(_ value: inout Bool) { value = next() % 2 == 0 }
    mutating func int8(_ value: inout Int8) { value = Int8(truncatingIfNeeded: next()) }
    mutating func int16(_ value: inout Int16) { value = Int16(truncatingIfNeeded: next() * 0x101) }
    mutating func int32(_ value: inout Int32) { value = Int32(truncatingIfNeeded: next() * 0x10101) }
    mutating func int64(_ value: inout Int64) { value = next() * 0x1_0001_0001 }
    mutating func uuid(_ value: inout WireUUID) {
        let number = UInt64(next())
        value = WireUUID(high: number, low: number + 1)
    }
    mutating func string(_ value: inout String) { value = "text-\(next())" }
    mutating func nullableString(_ value: inout String?) { value = "text-\(next())" }
    mutating func bytes(_ value: inout [UInt8]) {
        _ = next()
        value = [1, 2, 3, 4, 5]
    }
    mutating func nullableBytes(_ value: inout [UInt8]?) {
        _ = next()
        value = [1, 2, 3, 4, 5]
    }
    mutating func records(_ value: inout RecordData) {
        _ = next()
        value = .bytes([1, 2, 3, 4, 5])
    }

    mutating func array<Element: WireField>(_ value: inout [Element]) throws(WireError) {
        _ = next()
        value = []
        for _ in 0..<2 {
            var element = Element()
            try element.code(&self)
            value.append(element)
        }
    }

    mutating func nullableArray<Element: WireField>(_ value: inout [Element]?) throws(WireError) {
        var elements: [Element] = []
        try array(&elements)
        value = elements
    }

    mutating func tags() {}
}
