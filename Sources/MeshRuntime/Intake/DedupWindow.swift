/// The identities of the last records of one partition that were settled *done*. Never those that were dead-lettered or sent to retry.
struct DedupWindow: Sendable {
    let capacity: Int
    private var ring: [Identity] = []
    private var oldest = 0
    /// How often each identity stands in the ring.
    private var counts: [Identity: Int32] = [:]

    init(capacity: Int) {
        precondition(capacity > 0, "a window holds at least one identity")
        self.capacity = capacity
    }

    var count: Int { ring.count }

    func contains(_ identity: Identity) -> Bool { counts[identity] != nil }

    mutating func insert(_ identity: Identity) {
        if ring.count < capacity {
            ring.append(identity)
        } else {
            forget(ring[oldest])
            ring[oldest] = identity
            oldest = (oldest + 1) % capacity
        }
        counts[identity, default: 0] += 1
    }

    private mutating func forget(_ identity: Identity) {
        guard let count = counts[identity] else { return }
        counts[identity] = count > 1 ? count - 1 : nil
    }
}
