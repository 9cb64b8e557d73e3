import Envelopes

/// SplitMix64: the same numbers from the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

extension SeededGenerator {
    /// Changes a few bytes of `bytes`: replaces, removes, repeats or inserts.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            guard !bytes.isEmpty else { return bytes }
            let at = Int.random(in: 0..<bytes.count, using: &self)
            switch Int.random(in: 0..<6, using: &self) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &self)
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(Array("{}[]\",:0-1.e\\ntfu\u{7f}".utf8).randomElement(using: &self) ?? 0, at: at)
            case 3: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...16, using: &self)))
            case 4: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + Int.random(in: 1...32, using: &self))], at: at)
            default: bytes = Array(bytes[..<at])
            }
        }
        return bytes
    }

    /// A JSON value of at most `depth` levels.
    mutating func json(depth: Int = 4) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &self) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &self))
        case 2: return .integer([0, 1, -1, .max, .min, Int64.random(in: -1000...1000, using: &self)].randomElement(using: &self) ?? 0)
        case 3: return .double([0.5, -1e300, 1e-300, Double.random(in: -10...10, using: &self)].randomElement(using: &self) ?? 0)
        case 4, 5: return .string(text())
        case 6: return .array((0..<Int.random(in: 0...4, using: &self)).map { _ in json(depth: depth - 1) })
        default:
            var members: [String: JSONValue] = [:]
            for _ in 0..<Int.random(in: 0...5, using: &self) { members[text()] = json(depth: depth - 1) }
            return .object(members)
        }
    }

    mutating func text() -> String {
        let pieces = ["a", "b", "name", "\"", "\\", "\n", "\u{0}", "é", "e\u{301}", "漢", "😀", "/", "~", " "]
        return (0..<Int.random(in: 0...5, using: &self)).map { _ in pieces.randomElement(using: &self) ?? "" }.joined()
    }
}
