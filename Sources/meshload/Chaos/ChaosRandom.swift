/// Random numbers that are the same for the same seed and purpose. Source: SplitMix64, Steele, Lea and Flood 2014.
struct ChaosRandom: RandomNumberGenerator {
    private var state: UInt64

    /// `purpose` keeps the numbers of one use independent of how many another takes. Mixed in as FNV-1a.
    init(seed: UInt64, purpose: String) {
        state = seed
        for byte in purpose.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
