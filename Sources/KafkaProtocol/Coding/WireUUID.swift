/// A topic id: 16 bytes, written in URL-safe base 64 by Kafka's tools.
public struct WireUUID: Sendable, Hashable, CustomStringConvertible {
    public var high: UInt64
    public var low: UInt64

    /// The id that stands for none.
    public init() { self.init(high: 0, low: 0) }

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A random one (version 4), never zero.
    public static func random(using generator: inout some RandomNumberGenerator) -> WireUUID {
        let high = generator.next() & ~0xf000 | 0x4000
        let low = generator.next() & ~(3 << 62) | 1 << 63
        return WireUUID(high: high, low: low)
    }

    public var isZero: Bool { high == 0 && low == 0 }

    public var description: String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        // 128 bits are 21 digits of 6 bits, and one of 2 bits, filled up with zeros.
        let digits = (0..<22).map { index in
            let shift = 122 - 6 * index
            if shift >= 64 { return alphabet[Int(high >> UInt64(shift - 64) & 63)] }
            if shift > 58 { return alphabet[Int((high << UInt64(64 - shift) | low >> UInt64(shift)) & 63)] }
            return shift >= 0 ? alphabet[Int(low >> UInt64(shift) & 63)] : alphabet[Int(low << UInt64(-shift) & 63)]
        }
        return String(decoding: digits, as: UTF8.self)
    }
}
