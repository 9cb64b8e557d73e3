import BotKit

/// Runs that somebody asked to cancel: remembered, so that one that starts later is cancelled too. Bounded; the oldest is forgotten first.
struct CancelBook {
    private let capacity: Int
    private var order = Fifo<String>()
    /// How the calls of a run end.
    private var runs: [String: CallFailure] = [:]

    init(capacity: Int) { self.capacity = capacity }

    mutating func insert(_ run: String, _ failure: CallFailure) {
        guard runs[run] == nil else { return }
        runs[run] = failure
        order.append(run)
        if order.count > capacity, let oldest = order.popFirst() { runs[oldest] = nil }
    }

    subscript(_ run: String) -> CallFailure? { runs[run] }
}
