/// The identities of the last records of one partition that were settled *done*. Never those that were dead-lettered or sent to retry.
///
/// A ring, and chains through it by hash: a dictionary beside the ring took a tenth of the engine's instructions for a record.
struct DedupWindow: Sendable {
    let capacity: Int
    private var ring: [Entry] = []
    private var oldest = 0
    /// For each hash the place in the ring where its chain begins; as many as a power of two, and twice as many as the ring has places. Made with the first.
    private var chains: [Int32] = []
    private let seed = Identity.Seed()

    private struct Entry {
        let identity: Identity
        /// The next place of its chain.
        var next: Int32
    }

    /// No place.
    private static let end: Int32 = -1

    /// - Parameter capacity: 1...2^30.
    init(capacity: Int) {
        precondition(1...1 << 30 ~= capacity, "a window holds at least one identity, and no more than 2^30")
        self.capacity = capacity
    }

    var count: Int { ring.count }

    func contains(_ identity: Identity) -> Bool {
        guard !chains.isEmpty else { return false }
        var place = chains[chain(of: identity)]
        while place != Self.end {
            let entry = ring[Int(place)]
            if entry.identity == identity { return true }
            place = entry.next
        }
        return false
    }

    /// The oldest one is forgotten where there is no room.
    mutating func insert(_ identity: Identity) {
        if chains.isEmpty { chains = Array(repeating: Self.end, count: 1 << (Int.bitWidth - (2 * capacity - 1).leadingZeroBitCount)) }
        let place: Int
        let chain = chain(of: identity)
        if ring.count < capacity {
            place = ring.count
            ring.append(Entry(identity: identity, next: chains[chain]))
        } else {
            place = oldest
            oldest = (oldest + 1) % capacity
            unlink(place)
            ring[place] = Entry(identity: identity, next: chains[chain])
        }
        chains[chain] = Int32(truncatingIfNeeded: place)
    }

    /// Takes a place out of its chain.
    private mutating func unlink(_ place: Int) {
        let entry = ring[place]
        let chain = chain(of: entry.identity)
        guard Int(chains[chain]) != place else {
            chains[chain] = entry.next
            return
        }
        var before = Int(chains[chain])
        while Int(ring[before].next) != place { before = Int(ring[before].next) }
        ring[before].next = entry.next
    }

    private func chain(of identity: Identity) -> Int { identity.hash(seed) & (chains.count - 1) }
}
