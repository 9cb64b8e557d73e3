/// What a heap keeps in order.
protocol HeapEntry {
    func isBefore(_ other: Self) -> Bool
}

/// A binary heap: the entry that is before all others stands first.
struct Heap<Entry: HeapEntry> {
    private(set) var entries: [Entry] = []

    var first: Entry? { entries.first }

    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        siftUp(entries.count - 1)
    }

    /// Nil when there is none.
    mutating func popFirst() -> Entry? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        if !entries.isEmpty {
            entries[0] = last
            siftDown(0)
        }
        return first
    }

    /// Removes the entries that satisfy `predicate`, and returns them, the first one first.
    mutating func remove(where predicate: (Entry) -> Bool) -> [Entry] {
        var kept: [Entry] = []
        var removed: [Entry] = []
        for entry in entries { if predicate(entry) { removed.append(entry) } else { kept.append(entry) } }
        guard !removed.isEmpty else { return [] }
        entries = kept
        if entries.count > 1 { for index in stride(from: entries.count / 2 - 1, through: 0, by: -1) { siftDown(index) } }
        return removed.sorted { $0.isBefore($1) }
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].isBefore(entries[parent]) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in (2 * parent + 1)..<(2 * parent + 3) where child < entries.count && entries[child].isBefore(entries[least]) {
                least = child
            }
            guard least != parent else { return }
            entries.swapAt(least, parent)
            parent = least
        }
    }
}
