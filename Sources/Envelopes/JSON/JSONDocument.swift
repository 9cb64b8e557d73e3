import CSimdJSON
import Glibc

/// A parsed JSON text: a view of its parser's buffers, and valid only as long as they are.
struct JSONDocument {
    private let raw: csj_document

    init(raw: csj_document) { self.raw = raw }

    var root: JSONElement { JSONElement(tape: raw.tape, strings: raw.strings, index: 1) }

    /// Where the root stands in the text. It must be an object or an array.
    var rangeOfRoot: Range<Int> { Int(raw.structurals[0])..<Int(raw.structurals[Int(raw.structural_count) - 1]) + 1 }

    /// Where the value of the root object's member number `member` (from 0) stands in the text. That value must be an object or an array.
    func rangeOfMember(_ member: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Range<Int> {
        let (text, places) = (bytes.baseAddress.unsafelyUnwrapped, raw.structurals.unsafelyUnwrapped)
        /// The number of the place that ends the object or array which begins at this one.
        func end(of first: Int) -> Int {
            var (place, depth) = (first, 0)
            while true {
                switch text[Int(places[place])] {
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                default: break
                }
                if depth == 0 { return place }
                place += 1
                precondition(place < Int(raw.structural_count), "the root object has no member \(member)")
            }
        }
        precondition(member < root.count, "the root object has no member \(member)")
        // A member is its name, a colon, its value, and a comma behind it; a value in quotes, or a number, is one place.
        var value = 3
        for _ in 0..<member { value = end(of: value) + 4 }
        return Int(places[value])..<Int(places[end(of: value)]) + 1
    }

    /// A name that stands twice in one object, at any depth; nil when there is none.
    func duplicateName() -> String? {
        let end = root.next
        var index = 1
        while index < end {
            let element = JSONElement(tape: raw.tape, strings: raw.strings, index: index)
            switch element.kind {
            case .object:
                if let name = element.duplicateName() { return name }
                index += 1
            case .integer, .unsigned, .double:
                index += 2
            default:
                index += 1
            }
        }
        return nil
    }
}

/// A value of a `JSONDocument`: a place on simdjson's tape. Source of the format: simdjson's doc/tape.md.
struct JSONElement {
    /// What a value is, by the letter that simdjson has for it. No enum: making one of a byte takes longer than what is asked of it.
    struct Kind: Equatable {
        fileprivate let letter: UInt8

        static var object: Kind { Kind(letter: UInt8(ascii: "{")) }
        static var array: Kind { Kind(letter: UInt8(ascii: "[")) }
        static var string: Kind { Kind(letter: UInt8(ascii: "\"")) }
        static var integer: Kind { Kind(letter: UInt8(ascii: "l")) }
        static var unsigned: Kind { Kind(letter: UInt8(ascii: "u")) }
        static var double: Kind { Kind(letter: UInt8(ascii: "d")) }
        static var yes: Kind { Kind(letter: UInt8(ascii: "t")) }
        static var no: Kind { Kind(letter: UInt8(ascii: "f")) }
        static var null: Kind { Kind(letter: UInt8(ascii: "n")) }
    }

    let tape: UnsafePointer<UInt64>
    let strings: UnsafePointer<UInt8>
    let index: Int

    private var word: UInt64 { tape[index] }
    private var lower: UInt64 { word & 0x00ff_ffff_ffff_ffff }

    var kind: Kind { Kind(letter: UInt8(truncatingIfNeeded: word >> 56)) }

    /// The place after this value.
    var next: Int {
        switch kind {
        case .object, .array: Int(word & 0xffff_ffff)
        case .integer, .unsigned, .double: index + 2
        default: index + 1
        }
    }

    func at(_ place: Int) -> JSONElement { JSONElement(tape: tape, strings: strings, index: place) }

    /// The number of members or elements; saturates at 16,777,215.
    var count: Int { Int((word >> 32) & 0xff_ffff) }

    var integer: Int64 { Int64(bitPattern: tape[index + 1]) }
    var unsigned: UInt64 { tape[index + 1] }
    var double: Double { Double(bitPattern: tape[index + 1]) }

    /// The bytes of a string, unescaped.
    var bytes: UnsafeBufferPointer<UInt8> {
        let start = strings + Int(lower)
        let length = UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)
        return UnsafeBufferPointer(start: start + 4, count: Int(length))
    }

    /// A string's text.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Length and first four bytes of a string: equal for equal strings, mostly different for different ones.
    var fingerprint: UInt64 {
        let start = UnsafeRawPointer(strings + Int(lower))
        let length = start.loadUnaligned(as: UInt32.self)
        let word = start.loadUnaligned(as: UInt64.self)
        return length >= 4 ? word : word & ((1 << (32 + 8 * UInt64(length))) &- 1)
    }

    /// The fingerprint that a string of these bytes has.
    static func fingerprint(of bytes: [UInt8]) -> UInt64 {
        var print = UInt64(UInt32(truncatingIfNeeded: bytes.count))
        for (index, byte) in bytes.prefix(4).enumerated() { print |= UInt64(byte) << UInt64(32 + 8 * index) }
        return print
    }

    func isText(_ other: StaticString) -> Bool { bytes.isText(other) }

    func isText(_ other: [UInt8]) -> Bool { other.withUnsafeBufferPointer { bytes.isEqual(to: $0) } }

    /// A name that this object has twice, its own members only.
    fileprivate func duplicateName() -> String? {
        let end = next - 1
        guard count <= 24 else { return duplicateNameAmongMany() }
        // A bit for each name, chosen by its fingerprint: only where names share one they are compared.
        var bits: InlineArray<4, UInt64> = [0, 0, 0, 0]
        var place = index + 1
        while place < end {
            let choice = (at(place).fingerprint &* 0x9e37_79b9_7f4a_7c15) >> 56
            let (word, bit): (Int, UInt64) = (Int(choice >> 6), 1 << (choice & 63))
            if bits[word] & bit != 0 { return duplicateNameAmongFew() }
            bits[word] |= bit
            place = at(place + 1).next
        }
        return nil
    }

    /// Compares each with those before it.
    private func duplicateNameAmongFew() -> String? {
        for (name, _) in JSONMembers(self) {
            for (other, _) in JSONMembers(self) {
                if other.index == name.index { break }
                if other.fingerprint == name.fingerprint, other.bytes.isEqual(to: name.bytes) { return name.text }
            }
        }
        return nil
    }

    private func duplicateNameAmongMany() -> String? {
        let end = next - 1
        var seen: Set<String> = []
        var place = index + 1
        while place < end {
            // The bytes as Latin-1: Swift's equality of strings is by canonical equivalence, that of JSON names is by code point.
            let name = at(place)
            if !seen.insert(String(String.UnicodeScalarView(name.bytes.map { Unicode.Scalar($0) }))).inserted { return name.text }
            place = at(place + 1).next
        }
        return nil
    }
}

/// The members of an object, in the order of the text.
struct JSONMembers: Sequence, IteratorProtocol {
    private let object: JSONElement
    private var place: Int
    private let end: Int

    init(_ object: JSONElement) {
        self.object = object
        place = object.index + 1
        end = object.next - 1
    }

    mutating func next() -> (name: JSONElement, value: JSONElement)? {
        guard place < end else { return nil }
        let name = object.at(place)
        let value = object.at(place + 1)
        place = value.next
        return (name, value)
    }
}

/// The elements of an array.
struct JSONElements: Sequence, IteratorProtocol {
    private let array: JSONElement
    private var place: Int
    private let end: Int

    init(_ array: JSONElement) {
        self.array = array
        place = array.index + 1
        end = array.next - 1
    }

    mutating func next() -> JSONElement? {
        guard place < end else { return nil }
        let element = array.at(place)
        place = element.next
        return element
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether these bytes are that text.
    @inline(__always) func isText(_ other: StaticString) -> Bool {
        isEqual(to: UnsafeBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount))
    }

    @inline(__always) func isEqual(to other: UnsafeBufferPointer<UInt8>) -> Bool {
        guard count == other.count else { return false }
        // Neither place is null then.
        return isEmpty || memcmp(baseAddress.unsafelyUnwrapped, other.baseAddress.unsafelyUnwrapped, count) == 0
    }

    /// Whether any byte is a control character of ASCII. Looks at eight bytes at once.
    var hasControlCharacters: Bool {
        guard let start = baseAddress.map({ UnsafeRawPointer($0) }) else { return false }
        let (ones, tops): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
        var place = 0
        while place + 8 <= count {
            let word = start.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            let deletes = word ^ (ones &* 0x7f)
            // Whether any is set is exact, though not which.
            if ((word &- ones &* 0x20) & ~word | (deletes &- ones) & ~deletes) & tops != 0 { return true }
            place += 8
        }
        return self[place...].contains { $0 < 0x20 || $0 == 0x7f }
    }
}
