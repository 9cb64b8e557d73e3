/// The identities of the last records of one partition that were settled *done*. Never those that were dead-lettered or sent to retry.
struct DedupWindow: Sendable {
    let capacity: Int
    private(set) var count = 0
    /// Its places are a ring.
    private var index = IdentityIndex()
    /// Where the next one goes: the oldest stands there once the ring is full.
    private var next = 0

    init(capacity: Int) {
        precondition(capacity > 0, "a window holds at least one identity")
        self.capacity = capacity
    }

    func contains(_ identity: Identity) -> Bool { index.place(of: identity) != nil }

    /// Where there is no room, the oldest one is forgotten.
    mutating func insert(_ identity: Identity) {
        if count == capacity { index.remove(at: next) } else { count += 1 }
        index.insert(identity, at: next)
        next = (next + 1) % capacity
    }
}
