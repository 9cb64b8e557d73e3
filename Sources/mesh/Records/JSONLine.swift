import Envelopes

/// Writes one JSON object on one line, member by member.
struct JSONLine {
    private var bytes: [UInt8] = []

    static let null = Array("null".utf8)

    /// `expected`: about how many bytes there will be.
    init(expected: Int = 512) {
        bytes.reserveCapacity(expected)
        bytes.append(UInt8(ascii: "{"))
    }

    private mutating func name(_ name: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        string(name)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func string(_ text: String) {
        // Nearly all texts stand in JSON as they are.
        var copy = text
        let isPlain = copy.withUTF8 { plain in
            guard plain.isPlainJSON else { return false }
            quoted(plain)
            return true
        }
        if !isPlain { bytes.append(contentsOf: JSONValue.string(text).bytes) }
    }

    private mutating func quoted(_ plain: some Collection<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: plain)
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func member(_ name: String, _ text: String) {
        self.name(name)
        string(text)
    }

    mutating func member(_ name: String, _ number: Int64) {
        self.name(name)
        bytes.append(contentsOf: String(number).utf8)
    }

    /// A member whose value is JSON already. Line ends between its parts become spaces; inside its strings there are none.
    mutating func member(_ name: String, raw: [UInt8]) {
        self.name(name)
        if raw.withUnsafeBufferPointer(\.isOneLine) {
            bytes.append(contentsOf: raw)
        } else {
            bytes.append(contentsOf: raw.lazy.map { $0 == 0x0a || $0 == 0x0d ? 0x20 : $0 })
        }
    }

    /// Bytes as text where they are UTF-8; else in base 64, in the member `name_base64`.
    mutating func member(_ name: String, bytes value: [UInt8]) {
        if value.withUnsafeBufferPointer(\.isPlainJSON) {
            self.name(name)
            quoted(value)
        } else if let text = String(validating: value, as: UTF8.self) {
            member(name, text)
        } else {
            member(name + "_base64", Base64.encode(value))
        }
    }

    /// The line; nothing can be added to it any more.
    consuming func finished() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}

/// Base 64 (RFC 4648, with padding), without a Foundation object for each record.
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var place = 0
        while place < bytes.count {
            let left = bytes.count - place
            let word =
                UInt32(bytes[place]) << 16 | (left > 1 ? UInt32(bytes[place + 1]) << 8 : 0) | (left > 2 ? UInt32(bytes[place + 2]) : 0)
            for digit in 0..<4 {
                text.append(digit <= left ? digits[Int(word >> (18 - 6 * UInt32(digit)) & 63)] : UInt8(ascii: "="))
            }
            place += 3
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// nil for text that is not base 64 with its padding.
    static func decode(_ text: String) -> [UInt8]? {
        let text = Array(text.utf8)
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        for start in stride(from: 0, to: text.count, by: 4) {
            var word: UInt32 = 0
            var padding = 0
            for place in start..<start + 4 {
                if text[place] == UInt8(ascii: "=") {
                    guard start + 4 == text.count, place >= start + 2 else { return nil }
                    padding += 1
                    word <<= 6
                } else {
                    guard padding == 0, let digit = digit(text[place]) else { return nil }
                    word = word << 6 | digit
                }
            }
            bytes.append(UInt8(word >> 16 & 255))
            if padding < 2 { bytes.append(UInt8(word >> 8 & 255)) }
            if padding < 1 { bytes.append(UInt8(word & 255)) }
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
