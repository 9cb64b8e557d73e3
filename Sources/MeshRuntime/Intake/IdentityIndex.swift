/// Which places of a list have an identity: chains of places by hash. The list, and which of its places are in use, is its owner's business.
///
/// For what every record passes through: dictionaries took a sixth of the engine's instructions there (decision 0007).
struct IdentityIndex: Sendable {
    /// By place.
    private var entries: [Entry] = []
    /// Where each chain begins; as many as a power of two.
    private var chains: [Int32] = Array(repeating: end, count: 16)
    private let seed = Identity.Seed()

    private struct Entry {
        let identity: Identity
        /// The next place of its chain.
        var next: Int32
    }

    /// No place.
    private static let end: Int32 = -1

    /// A place with that identity; nil when there is none.
    func place(of identity: Identity) -> Int? {
        var place = chains[chain(of: identity)]
        while place != Self.end {
            let entry = entries[Int(place)]
            if entry.identity == identity { return Int(place) }
            place = entry.next
        }
        return nil
    }

    /// Fills a place: the one behind the last, or one that was emptied. There are fewer than 2^31 of them.
    mutating func insert(_ identity: Identity, at place: Int) {
        precondition(place <= entries.count && place < Int(Int32.max), "places are filled one after the other")
        if place == entries.count, 2 * place >= chains.count { grow() }
        let chain = chain(of: identity)
        let entry = Entry(identity: identity, next: chains[chain])
        if place == entries.count { entries.append(entry) } else { entries[place] = entry }
        chains[chain] = Int32(truncatingIfNeeded: place)
    }

    /// Empties a place that is filled.
    mutating func remove(at place: Int) {
        let entry = entries[place]
        let chain = chain(of: entry.identity)
        guard Int(chains[chain]) != place else {
            chains[chain] = entry.next
            return
        }
        var before = Int(chains[chain])
        while Int(entries[before].next) != place { before = Int(entries[before].next) }
        entries[before].next = entry.next
    }

    /// Twice as many chains. All places are filled then, since one behind the last is only filled where none is empty.
    private mutating func grow() {
        chains = Array(repeating: Self.end, count: 2 * chains.count)
        for place in entries.indices {
            let chain = chain(of: entries[place].identity)
            entries[place].next = chains[chain]
            chains[chain] = Int32(truncatingIfNeeded: place)
        }
    }

    private func chain(of identity: Identity) -> Int { identity.hash(seed) & (chains.count - 1) }
}
