/// The identities of the last records of one partition that were settled *done*. Never those that were dead-lettered or sent to retry.
public struct DedupWindow: Sendable {
    /// How many identities a partition's window holds: W in the documentation.
    public static let standardCapacity = 1_000

    public let capacity: Int
    private var ring: [String] = []
    private var oldest = 0
    /// How often each identity stands in the ring.
    private var counts: [String: Int] = [:]

    public init(capacity: Int = standardCapacity) {
        precondition(capacity > 0, "a window holds at least one identity")
        self.capacity = capacity
    }

    public var count: Int { ring.count }

    public func contains(_ identity: String) -> Bool { counts[identity] != nil }

    public mutating func insert(_ identity: String) {
        if ring.count < capacity {
            ring.append(identity)
        } else {
            forget(ring[oldest])
            ring[oldest] = identity
            oldest = (oldest + 1) % capacity
        }
        counts[identity, default: 0] += 1
    }

    private mutating func forget(_ identity: String) {
        guard let count = counts[identity] else { return }
        counts[identity] = count > 1 ? count - 1 : nil
    }
}
