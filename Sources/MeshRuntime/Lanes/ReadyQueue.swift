/// What may be taken next, the oldest first: a binary heap.
struct ReadyQueue<Value> {
    struct Entry {
        let value: Value
        /// When it came, in the order of coming.
        let arrival: UInt64
        /// Tells one that still counts from one left behind.
        let ticket: UInt64
    }

    private var entries: [Entry] = []

    var isEmpty: Bool { entries.isEmpty }
    var first: Entry? { entries.first }

    mutating func insert(_ entry: Entry) {
        var place = entries.count
        entries.append(entry)
        while place > 0, entries[place].arrival < entries[(place - 1) / 2].arrival {
            entries.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func popFirst() -> Entry? {
        guard let last = entries.popLast() else { return nil }
        guard let first = entries.first else { return last }
        entries[0] = last
        sink()
        return first
    }

    /// Moves the first entry to where it belongs.
    private mutating func sink() {
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < entries.count && entries[child].arrival < entries[least].arrival {
                least = child
            }
            guard least != place else { return }
            entries.swapAt(place, least)
            place = least
        }
    }
}
