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
        var words: (UInt64, UInt64) = (0, 0)
        var digits = 0
        var position = 0
        for byte in text.utf8 {
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard position < 36, let digit = hexValue(byte) else { return nil }
                if digits < 16 { words.0 = words.0 << 4 | UInt64(digit) } else { words.1 = words.1 << 4 | UInt64(digit) }
                digits += 1
            }
            position += 1
        }
        guard position == 36 else { return nil }
        self.init(high: words.0, low: words.1)
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
            var position = 0
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    buffer[position] = UInt8(ascii: "-")
                    position += 1
                }
                let word = digit < 16 ? high : low
                buffer[position] = hexDigit(UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (digit % 16))) & 15)
                position += 1
            }
            return position
        }
    }

    public var description: String { text }
}

/// The value of a hexadecimal digit in either case; nil for any other byte.
func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
