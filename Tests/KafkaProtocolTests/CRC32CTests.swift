import CSystem
import MeshTesting
import Testing

/// The checksum of record batches: RFC 3720, appendix B.4, and the definition bit by bit.
@Suite struct CRC32CTests {
    private func crc(_ bytes: [UInt8], from start: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { csystem_crc32c(start, $0.baseAddress, $0.count) }
    }

    private func bitByBit(_ bytes: [UInt8]) -> UInt32 {
        var state = ~UInt32(0)
        for byte in bytes {
            state ^= UInt32(byte)
            for _ in 0..<8 { state = state & 1 == 1 ? state >> 1 ^ 0x82f6_3b78 : state >> 1 }
        }
        return ~state
    }

    @Test func theExamplesOfTheStandard() {
        #expect(crc([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(crc([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(crc(Array(0..<32)) == 0x46dd_794e)
    }

    /// Lengths around those where it changes its way of going through the bytes.
    @Test func everyLengthAndEveryCut() {
        var generator = SeededGenerator(seed: 7)
        for length in [0, 1, 7, 8, 9, 1023, 1024, 3071, 3072, 3073, 6143, 6144, 6151, 20_000] {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }
            #expect(crc(bytes) == bitByBit(bytes), "\(length) bytes")
            let cut = length / 3
            #expect(crc(Array(bytes[cut...]), from: crc(Array(bytes[..<cut]))) == bitByBit(bytes), "\(length) bytes in two parts")
        }
    }
}
