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
        guard let id = text.withBytes({ UniqueID($0, allowingUpperCase: true) }) else { return nil }
        self = id
    }

    /// Reads that form in lower case only; nil for any other text, so that one text stands for one id.
    init?(lowerCase text: UnsafeBufferPointer<UInt8>) { self.init(text, allowingUpperCase: false) }

    private init?(_ text: UnsafeBufferPointer<UInt8>, allowingUpperCase: Bool) {
        guard text.count == Self.textBytes, let bytes = text.baseAddress else { return nil }
        var (high, low): (UInt64, UInt64) = (0, 0)
        // What is no digit, or too large a letter, sets a bit here.
        var wrong: UInt8 = 0
        @inline(__always) func digits(_ range: Range<Int>, into word: inout UInt64) {
            for place in range {
                let digit = digitValues[Int(bytes[place])]
                wrong |= digit & (allowingUpperCase ? 0x80 : 0xc0)
                word = word << 4 | UInt64(digit & 15)
            }
        }
        digits(0..<8, into: &high)
        digits(9..<13, into: &high)
        digits(14..<18, into: &high)
        digits(19..<23, into: &low)
        digits(24..<36, into: &low)
        let dash = UInt8(ascii: "-")
        guard wrong == 0, bytes[8] == dash, bytes[13] == dash, bytes[18] == dash, bytes[23] == dash else { return nil }
        self.init(high: high, low: low)
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
        String(unsafeUninitializedCapacity: Self.textBytes) { buffer in
            write(to: buffer.baseAddress.unsafelyUnwrapped)
            return Self.textBytes
        }
    }

    /// The length of `text`.
    static let textBytes = 36

    /// Writes `text` to where there is room for it.
    func write(to bytes: UnsafeMutablePointer<UInt8>) {
        let to = UnsafeMutableRawPointer(bytes)
        let (first, second) = (Self.hexadecimal(high >> 32), Self.hexadecimal(high))
        let (third, fourth) = (Self.hexadecimal(low >> 32), Self.hexadecimal(low))
        to.storeBytes(of: first.bigEndian, as: UInt64.self)
        to.storeBytes(of: UInt32(truncatingIfNeeded: second >> 32).bigEndian, toByteOffset: 9, as: UInt32.self)
        to.storeBytes(of: UInt32(truncatingIfNeeded: second).bigEndian, toByteOffset: 14, as: UInt32.self)
        to.storeBytes(of: UInt32(truncatingIfNeeded: third >> 32).bigEndian, toByteOffset: 19, as: UInt32.self)
        to.storeBytes(of: UInt32(truncatingIfNeeded: third).bigEndian, toByteOffset: 24, as: UInt32.self)
        to.storeBytes(of: fourth.bigEndian, toByteOffset: 28, as: UInt64.self)
        bytes[8] = UInt8(ascii: "-")
        bytes[13] = UInt8(ascii: "-")
        bytes[18] = UInt8(ascii: "-")
        bytes[23] = UInt8(ascii: "-")
    }

    /// The eight digits of the lower 32 bits, the first in the highest byte: all at once.
    private static func hexadecimal(_ word: UInt64) -> UInt64 {
        var digits = word & 0xffff_ffff
        digits = (digits | digits << 16) & 0x0000_ffff_0000_ffff
        digits = (digits | digits << 8) & 0x00ff_00ff_00ff_00ff
        digits = (digits | digits << 4) & 0x0f0f_0f0f_0f0f_0f0f
        let letters = ((digits &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return digits &+ 0x3030_3030_3030_3030 &+ letters &* UInt64(UInt8(ascii: "a") - UInt8(ascii: "0") - 10)
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

/// For each byte the value of the hexadecimal digit, with the bit 0x40 for one in upper case; 0x80 for what is none.
private let digitValues: InlineArray<256, UInt8> = {
    var values = InlineArray<256, UInt8>(repeating: 0x80)
    for byte in UInt8.min...UInt8.max {
        guard let value = hexValue(byte) else { continue }
        values[Int(byte)] = UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte ? value | 0x40 : value
    }
    return values
}()
