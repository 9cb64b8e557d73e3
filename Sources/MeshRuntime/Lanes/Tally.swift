import Envelopes

/// How many events of each type: a short list, since a run produces few types.
struct Tally: Sendable {
    private(set) var counts: [(type: EventType, count: Int)] = []

    subscript(type: EventType) -> Int { counts.first { $0.type == type }?.count ?? 0 }

    mutating func add(_ type: EventType) {
        if let place = counts.firstIndex(where: { $0.type == type }) { counts[place].count += 1 } else { counts.append((type, 1)) }
    }
}
