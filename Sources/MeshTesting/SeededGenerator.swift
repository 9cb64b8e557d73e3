/// Random numbers that are the same for the same seed. Source: SplitMix64, Steele, Lea and Flood 2014.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Bytes of any value.
    public mutating func bytes(count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    /// A mutation of `input`: some bytes changed, removed, repeated or inserted. For fuzz tests of parsers.
    public mutating func mutated(_ input: [UInt8]) -> [UInt8] {
        var output = input
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let index = output.isEmpty ? 0 : Int.random(in: 0..<output.count, using: &self)
            switch Int.random(in: 0..<4, using: &self) {
            case 0 where !output.isEmpty: output[index] = UInt8(truncatingIfNeeded: next())
            case 1 where !output.isEmpty: output.remove(at: index)
            case 2 where !output.isEmpty:
                let end = min(output.count, index + Int.random(in: 1...16, using: &self))
                output.insert(contentsOf: output[index..<end], at: index)
            default: output.insert(UInt8(truncatingIfNeeded: next()), at: index)
            }
        }
        return output
    }
}
