/// Runs that somebody asked to cancel: remembered, so that one that starts later is cancelled too. Bounded; the oldest is forgotten first.
struct CancelBook {
    private let capacity: Int
    private var order = Fifo<String>()
    private var runs: Set<String> = []

    init(capacity: Int) { self.capacity = capacity }

    mutating func insert(_ run: String) {
        guard runs.insert(run).inserted else { return }
        order.append(run)
        if order.count > capacity, let oldest = order.popFirst() { runs.remove(oldest) }
    }

    func contains(_ run: String) -> Bool { runs.contains(run) }
}
