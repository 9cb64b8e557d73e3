import Envelopes

/// How many events of each type: a short list, since a run produces few types.
struct Tally {
    private(set) var counts: [(type: EventType, count: Int)] = []

    /// Counts one more, and tells how many there were before.
    mutating func add(_ type: EventType) -> Int {
        guard let place = counts.firstIndex(where: { $0.type == type }) else {
            counts.append((type, 1))
            return 0
        }
        counts[place].count += 1
        return counts[place].count - 1
    }
}
