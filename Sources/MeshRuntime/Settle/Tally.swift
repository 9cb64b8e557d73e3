import Envelopes

/// How many events of each type: a short list, since a run produces few types.
struct Tally: Sendable {
    /// Most runs produce one type: it needs no memory of its own.
    private var first: (type: EventType, count: Int)?
    private var others: [(type: EventType, count: Int)] = []

    var counts: [(type: EventType, count: Int)] { (first.map { [$0] } ?? []) + others }

    subscript(type: EventType) -> Int {
        if let first, first.type == type { return first.count }
        return others.first { $0.type == type }?.count ?? 0
    }

    mutating func add(_ type: EventType) {
        guard let first, first.type != type else {
            self.first = (type, (first?.count ?? 0) + 1)
            return
        }
        if let place = others.firstIndex(where: { $0.type == type }) { others[place].count += 1 } else { others.append((type, 1)) }
    }
}
