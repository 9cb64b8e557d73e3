import KafkaProtocol
import MeshTesting

/// Fills the fields of a message with random contents: names that the broker may know, numbers at their ends, batches of all kinds.
struct RandomFiller: MessageCoder {
    let version: Int16
    let isFlexible: Bool
    var random: SeededGenerator

    private static let names = ["fuzz-a", "fuzz-b", "fuzz-c", "member", "consumer", "range", "__consumer_offsets", "", "../x", "é\u{0}"]

    private mutating func number<Value: FixedWidthInteger & SignedInteger>(_: Value.Type) -> Value {
        switch random.next() % 8 {
        case 0: Value.min
        case 1: Value.max
        case 2: -1
        case 3: Value(truncatingIfNeeded: random.next())
        default: Value(random.next() % 4)
        }
    }

    private mutating func text() -> String {
        switch random.next() % 64 {
        // At the protocol's limit, where a message about the text no longer fits.
        case 0: return String(repeating: "x", count: 32_767 - Int(random.next() % 3))
        case 1: return String(repeating: "x", count: Int(random.next() % 32_768))
        default: break
        }
        return Self.names[Int(random.next() % UInt64(Self.names.count))]
    }

    mutating func bool(_ value: inout Bool) { value = random.next() % 2 == 0 }
    mutating func int8(_ value: inout Int8) { value = number(Int8.self) }
    mutating func int16(_ value: inout Int16) { value = number(Int16.self) }
    mutating func int32(_ value: inout Int32) { value = number(Int32.self) }
    mutating func int64(_ value: inout Int64) { value = number(Int64.self) }
    mutating func uuid(_ value: inout WireUUID) { value = WireUUID(high: random.next() % 2, low: random.next() % 4) }
    mutating func string(_ value: inout String) { value = text() }
    mutating func nullableString(_ value: inout String?) {
        value = random.next() % 4 == 0 ? nil : text()
    }
    mutating func bytes(_ value: inout [UInt8]) { value = random.bytes(count: Int(random.next() % 24)) }
    mutating func nullableBytes(_ value: inout [UInt8]?) {
        value = random.next() % 4 == 0 ? nil : random.bytes(count: Int(random.next() % 24))
    }
    mutating func records(_ value: inout RecordData) { value = .bytes(Batches.any(&random)[...]) }

    mutating func array<Element: WireField>(_ value: inout [Element]) throws(WireError) {
        value = []
        for _ in 0..<random.next() % 4 {
            var element = Element()
            try element.code(&self)
            value.append(element)
        }
    }

    mutating func nullableArray<Element: WireField>(_ value: inout [Element]?) throws(WireError) {
        var elements: [Element] = []
        try array(&elements)
        value = random.next() % 4 == 0 ? nil : elements
    }

    mutating func tags() {}
}
