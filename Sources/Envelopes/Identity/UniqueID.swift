/// A UUID (RFC 9562): 16 bytes, written in lower case.
public struct UniqueID: Hashable, Sendable, CustomStringConvertible {
    /// The first and the last eight bytes, big-endian.
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the form 8-4-4-4-12 of hexadecimal digits, in either case; nil for any other text.
    public init?(_ text: String) {
        var text = text
        let words = text.withUTF8 { bytes -> (high: UInt64, low: UInt64)? in
            guard bytes.count == 36 else { return nil }
            var words: (UInt64, UInt64) = (0, 0)
            for place in 0..<36 {
                let byte = bytes[place]
                if place == 8 || place == 13 || place == 18 || place == 23 {
                    guard byte == UInt8(ascii: "-") else { return nil }
                    continue
                }
                guard let digit = hexValue(byte) else { return nil }
                // Before place 19 stand the first 16 digits.
                if place < 19 { words.0 = words.0 << 4 | UInt64(digit) } else { words.1 = words.1 << 4 | UInt64(digit) }
            }
            return words
        }
        guard let words else { return nil }
        self.init(high: words.high, low: words.low)
    }

    /// A random one (version 4).
    public static func random(using generator: inout some RandomNumberGenerator) -> UniqueID {
        UniqueID(high: generator.next(), low: generator.next()).stamped(version: 4)
    }

    /// A random one that sorts by time (version 7): the first 48 bits are the milliseconds of `time`.
    public static func timeOrdered(at time: Timestamp, using generator: inout some RandomNumberGenerator) -> UniqueID {
        let milliseconds = UInt64(bitPattern: time.milliseconds)
        return UniqueID(high: milliseconds << 16 | generator.next() & 0xffff, low: generator.next()).stamped(version: 7)
    }

    /// With the version's and the variant's bits set.
    func stamped(version: UInt64) -> UniqueID {
        UniqueID(high: high & ~0xf000 | version << 12, low: low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000)
    }

    /// The form 8-4-4-4-12 in lower case.
    public var text: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            let to = buffer.baseAddress.unsafelyUnwrapped
            var place = 0
            for byte in 0..<16 {
                if byte == 4 || byte == 6 || byte == 8 || byte == 10 {
                    to[place] = UInt8(ascii: "-")
                    place += 1
                }
                let value = UInt8(truncatingIfNeeded: (byte < 8 ? high : low) >> UInt64(56 - 8 * (byte & 7)))
                to[place] = hexDigit(value >> 4)
                to[place + 1] = hexDigit(value & 15)
                place += 2
            }
            return 36
        }
    }

    public var description: String { text }
}

/// The value of a hexadecimal digit in either case; nil for any other byte.
@inline(__always) func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
