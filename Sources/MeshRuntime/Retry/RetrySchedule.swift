/// What waits for its time: a heap by due time, in milliseconds of the monotonic clock, then by order of arrival. Bounded by its owner.
struct RetrySchedule<Element> {
    private struct Entry {
        let due: Int64
        let sequence: UInt64
        let element: Element
        func isBefore(_ other: Entry) -> Bool { due == other.due ? sequence < other.sequence : due < other.due }
    }

    private var heap: [Entry] = []
    private var sequence: UInt64 = 0

    init() {}

    var count: Int { heap.count }
    var isEmpty: Bool { heap.isEmpty }
    var nextDue: Int64? { heap.first?.due }

    mutating func insert(_ element: Element, due: Int64) {
        heap.append(Entry(due: due, sequence: sequence, element: element))
        sequence += 1
        siftUp(heap.count - 1)
    }

    /// Whether the time of any has come.
    func isDue(at now: Int64) -> Bool { heap.first.map { $0.due <= now } ?? false }

    /// Takes the element that is due first, when its time has come.
    mutating func takeDue(at now: Int64) -> Element? {
        guard let first = heap.first, first.due <= now else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            siftDown(0)
        }
        return first.element
    }

    /// Removes the elements that satisfy `predicate`, and returns them with their due times.
    mutating func remove(where predicate: (Element) -> Bool) -> [(element: Element, due: Int64)] {
        var kept: [Entry] = []
        var removed: [Entry] = []
        for entry in heap { if predicate(entry.element) { removed.append(entry) } else { kept.append(entry) } }
        guard !removed.isEmpty else { return [] }
        heap = kept
        if heap.count > 1 { for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(index) } }
        return removed.sorted { $0.isBefore($1) }.map { ($0.element, $0.due) }
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].isBefore(heap[least]) { least = child }
            guard least != parent else { return }
            heap.swapAt(least, parent)
            parent = least
        }
    }
}
