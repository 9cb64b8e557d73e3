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
        let raw = UnsafeRawPointer(bytes)
        @inline(__always) func four(_ place: Int) -> UInt64 {
            UInt64(UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
        }
        @inline(__always) func digits(_ first: UInt64, _ second: UInt64) -> UInt64? {
            Self.value(of: first << 32 | second, allowingUpperCase: allowingUpperCase)
        }
        let dash = UInt8(ascii: "-")
        guard bytes[8] == dash, bytes[13] == dash, bytes[18] == dash, bytes[23] == dash, let first = digits(four(0), four(4)),
            let second = digits(four(9), four(14)), let third = digits(four(19), four(24)), let fourth = digits(four(28), four(32))
        else { return nil }
        self.init(high: first << 32 | second, low: third << 32 | fourth)
    }

    /// The 32 bits that eight digits stand for, the first in the highest byte; nil where one is none. The other way round they must give the same digits again.
    @inline(__always) private static func value(of digits: UInt64, allowingUpperCase: Bool) -> UInt64? {
        let isLetter = (digits >> 6) & 0x0101_0101_0101_0101
        var value = digits & 0x0f0f_0f0f_0f0f_0f0f &+ isLetter &* 9
        value = (value | value >> 4) & 0x00ff_00ff_00ff_00ff
        value = (value | value >> 8) & 0x0000_ffff_0000_ffff
        value = (value | value >> 16) & 0xffff_ffff
        let lowerCase = allowingUpperCase ? digits | isLetter << 5 : digits
        return hexadecimal(value) == lowerCase ? value : nil
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
