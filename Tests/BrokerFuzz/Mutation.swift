import MeshTesting

/// What becomes of a right frame on its way.
enum Mutation {
    static func apply(to frame: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var frame = frame
        switch random.next() % 8 {
        case 0: frame.removeLast(Int(random.next() % UInt64(frame.count)))
        case 1: put(random.next() % 2 == 0 ? [0x7f, 0xff, 0xff, 0xff] : [0x80, 0, 0, 0], 0, &frame)
        case 2: flip(&frame, &random)
        case 3: overwrite(&frame, &random, [0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])
        case 4: overwrite(&frame, &random, random.next() % 2 == 0 ? [0x7f, 0xff, 0xff, 0xff] : [0x80, 0, 0, 0])
        case 5: put([UInt8(random.next() % 2), UInt8(truncatingIfNeeded: random.next() % 80)], 4 + Int(random.next() % 2) * 2, &frame)
        case 6: swap(&frame, &random)
        default: frame = framed(random.mutated(Array(frame.dropFirst(4))))
        }
        return frame
    }

    /// Whether the frame has fewer bytes than it says.
    static func isCut(_ frame: [UInt8]) -> Bool {
        frame.count < 4 || frame.count - 4 < frame.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    }

    private static func put(_ bytes: [UInt8], _ place: Int, _ frame: inout [UInt8]) {
        for (index, byte) in bytes.enumerated() where place + index < frame.count { frame[place + index] = byte }
    }

    private static func overwrite(_ frame: inout [UInt8], _ random: inout SeededGenerator, _ bytes: [UInt8]) {
        put(bytes, 4 + Int(random.next() % UInt64(frame.count)), &frame)
    }

    private static func flip(_ frame: inout [UInt8], _ random: inout SeededGenerator) {
        for _ in 0...random.next() % 3 { frame[4 + Int(random.next() % UInt64(frame.count - 4))] ^= 1 << UInt8(random.next() % 8) }
    }

    private static func swap(_ frame: inout [UInt8], _ random: inout SeededGenerator) {
        let body = Array(frame.dropFirst(12))
        let place = Int(random.next() % UInt64(body.count + 1))
        frame = Array(frame.prefix(12)) + body[place...] + body[..<place]
    }

    private static func framed(_ body: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt32(body.count).bigEndian) { Array($0) } + body
    }
}
