/// Writes JSON text. The caller keeps the grammar: names, commas and brackets in their places.
struct JSONWriter: ~Copyable {
    private var start: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var count = 0

    init(capacity: Int = 256) {
        self.capacity = max(64, capacity)
        start = .allocate(capacity: self.capacity)
    }

    deinit { start.deallocate() }

    /// What was written.
    var bytes: [UInt8] { withBytes { Array($0) } }

    /// The same, for as long as `body` runs.
    func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        body(UnsafeBufferPointer(start: start, count: count))
    }

    @inline(__always) private mutating func reserve(_ more: Int) { if count + more > capacity { grow(count + more) } }

    private mutating func grow(_ least: Int) {
        capacity = max(least, 2 * capacity)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: start, count: count)
        start.deallocate()
        start = larger
    }

    /// There must be room.
    @inline(__always) private mutating func put(_ byte: UInt8) {
        start[count] = byte
        count += 1
    }

    // Inlined, so that a literal's length is known where it is copied.
    @inline(__always) mutating func raw(_ text: UnsafeBufferPointer<UInt8>) {
        guard let from = text.baseAddress else { return }
        reserve(text.count)
        (start + count).update(from: from, count: text.count)
        count += text.count
    }

    @inline(__always) mutating func literal(_ text: StaticString) {
        raw(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func raw(_ text: [UInt8]) { text.withUnsafeBufferPointer { raw($0) } }

    mutating func raw(_ text: String) {
        text.withBytes { raw($0) }
    }

    mutating func integer(_ value: Int64) {
        if 0..<10 ~= value {
            reserve(1)
            put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value))
        } else {
            raw(String(value))
        }
    }

    /// A number that JSON cannot express (not finite) is written as null.
    mutating func double(_ value: Double) {
        guard value.isFinite else { return literal("null") }
        raw(value.description)
    }

    /// A string with its quotes; control characters, quotes and backslashes escaped.
    mutating func string(_ value: String) {
        value.withBytes { string($0) }
    }

    /// A UUID, as a string with its quotes.
    mutating func string(_ id: UniqueID) { quoted(UniqueID.textBytes) { id.write(to: $0) } }

    mutating func string(_ id: Identifier) { if let unique = id.unique { string(unique) } else { string(id.text) } }

    /// An instant, as a string with its quotes.
    mutating func string(_ instant: Timestamp) { quoted(Timestamp.textBytes) { instant.write(to: $0) } }

    /// So many bytes that `write` gives and that need no escape, between quotes.
    @inline(__always) private mutating func quoted(_ bytes: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Void) {
        reserve(bytes + 2)
        put(UInt8(ascii: "\""))
        write(start + count)
        count += bytes
        put(UInt8(ascii: "\""))
    }

    private mutating func string(_ text: UnsafeBufferPointer<UInt8>) {
        reserve(text.count + 2)
        put(UInt8(ascii: "\""))
        var place = 0
        while true {
            let next = Self.placeToEscape(in: text, from: place)
            raw(UnsafeBufferPointer(rebasing: text[place..<next]))
            guard next < text.count else { break }
            escape(text[next])
            place = next + 1
        }
        reserve(1)
        put(UInt8(ascii: "\""))
    }

    /// Where the first byte from `place` on stands that must be escaped; the text's end where there is none. Looks at eight bytes at once.
    private static func placeToEscape(in text: UnsafeBufferPointer<UInt8>, from place: Int) -> Int {
        let (ones, tops): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
        var place = place
        if let start = text.baseAddress.map({ UnsafeRawPointer($0) }) {
            while place + 8 <= text.count {
                let word = UInt64(littleEndian: start.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                let quotes = word ^ (ones &* 0x22)
                let slashes = word ^ (ones &* 0x5c)
                // A byte's top bit is set where it is below 0x20, or nothing is left of it; false ones stand only above a true one.
                let found =
                    ((word &- ones &* 0x20) & ~word | (quotes &- ones) & ~quotes | (slashes &- ones) & ~slashes) & tops
                if found != 0 { return place + found.trailingZeroBitCount / 8 }
                place += 8
            }
        }
        while place < text.count, !mustBeEscaped(text[place]) { place += 1 }
        return place
    }

    @inline(__always) private static func mustBeEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): literal("\\\"")
        case UInt8(ascii: "\\"): literal("\\\\")
        case 0x0a: literal("\\n")
        case 0x0d: literal("\\r")
        case 0x09: literal("\\t")
        case 0x08: literal("\\b")
        case 0x0c: literal("\\f")
        default:
            literal("\\u00")
            reserve(2)
            put(hexDigit(byte >> 4))
            put(hexDigit(byte & 15))
        }
    }

    mutating func value(_ value: JSONValue) {
        switch value {
        case .null: literal("null")
        case .bool(let value): literal(value ? "true" : "false")
        case .integer(let value): integer(value)
        case .double(let value): double(value)
        case .string(let value): string(value)
        case .array(let elements):
            literal("[")
            for (index, element) in elements.enumerated() {
                if index > 0 { literal(",") }
                self.value(element)
            }
            literal("]")
        case .object(let members):
            literal("{")
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { literal(",") }
                string(member.key)
                literal(":")
                self.value(member.value)
            }
            literal("}")
        }
    }
}

/// The lower-case hexadecimal digit of 0...15.
@inline(__always) func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }
