/// The identities of the last records of one partition that were settled *done*. Never those that were dead-lettered or sent to retry.
struct DedupWindow: Sendable {
    let capacity: Int
    private(set) var count = 0
    /// Its places are a ring.
    private var index = IdentityIndex()
    private var oldest = 0

    init(capacity: Int) {
        precondition(capacity > 0, "a window holds at least one identity")
        self.capacity = capacity
    }

    func contains(_ identity: Identity) -> Bool { index.place(of: identity) != nil }

    /// Where there is no room, the oldest one is forgotten.
    mutating func insert(_ identity: Identity) {
        guard count == capacity else {
            index.insert(identity, at: count)
            count += 1
            return
        }
        index.remove(at: oldest)
        index.insert(identity, at: oldest)
        oldest = (oldest + 1) % capacity
    }
}
