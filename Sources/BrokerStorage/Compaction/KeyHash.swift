/// 128 bits that stand for a record's key: SipHash-2-4-128 (Aumasson and Bernstein 2012) with a secret, so that nobody can make two keys that look the same.
struct KeyHash: Sendable, Equatable {
    let high: UInt64
    let low: UInt64

    /// New ones for each run of the compaction.
    struct Secret: Sendable {
        let first: UInt64
        let second: UInt64

        init(first: UInt64, second: UInt64) {
            self.first = first
            self.second = second
        }

        init(using generator: inout some RandomNumberGenerator) { self.init(first: generator.next(), second: generator.next()) }
    }

    init(_ bytes: UnsafeRawBufferPointer, _ secret: Secret) {
        var state = SipState(secret)
        let words = bytes.count / 8
        for index in 0..<words { state.take(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))) }
        var last = UInt64(truncatingIfNeeded: bytes.count) << 56
        for index in words * 8..<bytes.count { last |= UInt64(bytes[index]) << UInt64(8 * (index - words * 8)) }
        state.take(last)
        high = state.finish(0xee)
        low = state.finishAgain(0xdd)
    }
}

private struct SipState {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64

    init(_ secret: KeyHash.Secret) {
        v0 = secret.first ^ 0x736f_6d65_7073_6575
        v1 = secret.second ^ 0x646f_7261_6e64_6f6d ^ 0xee
        v2 = secret.first ^ 0x6c79_6765_6e65_7261
        v3 = secret.second ^ 0x7465_6462_7974_6573
    }

    private mutating func round() {
        v0 &+= v1
        v1 = rotated(v1, 13) ^ v0
        v0 = rotated(v0, 32)
        v2 &+= v3
        v3 = rotated(v3, 16) ^ v2
        v0 &+= v3
        v3 = rotated(v3, 21) ^ v0
        v2 &+= v1
        v1 = rotated(v1, 17) ^ v2
        v2 = rotated(v2, 32)
    }

    private func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }

    mutating func take(_ word: UInt64) {
        v3 ^= word
        for _ in 0..<2 { round() }
        v0 ^= word
    }

    mutating func finish(_ mark: UInt64) -> UInt64 {
        v2 ^= mark
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }

    mutating func finishAgain(_ mark: UInt64) -> UInt64 {
        v1 ^= mark
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }
}
