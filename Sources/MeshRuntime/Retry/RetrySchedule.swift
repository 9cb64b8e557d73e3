/// What waits for its time: a heap by due time, in milliseconds of the monotonic clock, then by order of arrival. Bounded by its owner.
struct RetrySchedule<Element> {
    private struct Entry: HeapEntry {
        let due: Int64
        let sequence: UInt64
        let element: Element
        func isBefore(_ other: Entry) -> Bool { due == other.due ? sequence < other.sequence : due < other.due }
    }

    private var heap = Heap<Entry>()
    private var sequence: UInt64 = 0

    init() {}

    var count: Int { heap.entries.count }
    var isEmpty: Bool { heap.entries.isEmpty }

    mutating func insert(_ element: Element, due: Int64) {
        heap.insert(Entry(due: due, sequence: sequence, element: element))
        sequence += 1
    }

    /// Whether the time of any has come.
    func isDue(at now: Int64) -> Bool { heap.first.map { $0.due <= now } ?? false }

    /// Takes the element that is due first, when its time has come.
    mutating func takeDue(at now: Int64) -> Element? { isDue(at: now) ? heap.popFirst()?.element : nil }

    /// Removes the elements that satisfy `predicate`, and returns them with their due times.
    mutating func remove(where predicate: (Element) -> Bool) -> [(element: Element, due: Int64)] {
        heap.remove { predicate($0.element) }.map { ($0.element, $0.due) }
    }
}
