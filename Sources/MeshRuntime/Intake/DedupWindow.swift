/// The identities of the last records of one partition that were settled *done*, in the order in which they were settled or repeated last. Never those that were dead-lettered or sent to retry.
struct DedupWindow: Sendable {
    let capacity: Int
    private(set) var count = 0
    private var index = IdentityIndex()
    /// For each place the one that came next after it, and before it. The ends have none that counts.
    private var (later, earlier): ([Int32], [Int32]) = ([], [])
    private var (oldest, newest) = (0, 0)

    init(capacity: Int) {
        precondition(capacity > 0, "a window holds at least one identity")
        self.capacity = capacity
    }

    func contains(_ identity: Identity) -> Bool { index.place(of: identity) != nil }

    /// One that is not known. Where there is no room, the oldest is forgotten.
    mutating func insert(_ identity: Identity) {
        let place: Int
        if count == capacity {
            place = oldest
            oldest = Int(later[place])
            index.remove(at: place)
        } else {
            place = count
            count += 1
            later.append(0)
            earlier.append(0)
        }
        index.insert(identity, at: place)
        append(place)
    }

    /// One that comes again is the newest: who repeats it once more may be as far behind this one. False when it is not known.
    @discardableResult mutating func renew(_ identity: Identity) -> Bool {
        guard let place = index.place(of: identity) else { return false }
        guard place != newest else { return true }
        let after = later[place]
        if place == oldest { oldest = Int(after) } else { later[Int(earlier[place])] = after }
        earlier[Int(after)] = earlier[place]
        append(place)
        return true
    }

    private mutating func append(_ place: Int) {
        later[newest] = Int32(truncatingIfNeeded: place)
        earlier[place] = Int32(truncatingIfNeeded: newest)
        newest = place
    }
}
