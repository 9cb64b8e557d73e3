/// Timers in the order in which they are due; equal ones in the order in which they were set. A cancelled one leaves at once what it holds on to.
struct TimerHeap {
    private struct Entry {
        let due: Int64
        let id: UInt64
        func isBefore(_ other: Entry) -> Bool { (due, id) < (other.due, other.id) }
    }

    private var heap: [Entry] = []
    private var actions: [UInt64: () -> Void] = [:]
    /// The number of the timer that was set last.
    private(set) var last: UInt64 = 0

    var nextDue: Int64? { heap.first?.due }
    var count: Int { actions.count }

    mutating func add(due: Int64, _ action: @escaping () -> Void) -> TimerID {
        last += 1
        actions[last] = action
        heap.append(Entry(due: due, id: last))
        rise(heap.count - 1)
        return TimerID(last)
    }

    mutating func cancel(_ timer: TimerID) {
        guard actions.removeValue(forKey: timer.value) != nil else { return }
        // Most timers are cancelled long before they are due; the heap is cleared of them when they are the most of it.
        if heap.count > 64, heap.count > actions.count * 2 {
            heap = heap.filter { actions[$0.id] != nil }.sorted { $0.isBefore($1) }
        }
    }

    /// The action of the next timer that is due.
    /// - Parameter limit: of those that were set up to this one.
    mutating func popDue(_ now: Int64, upTo limit: UInt64 = .max) -> (() -> Void)? {
        while let first = heap.first, first.due <= now, first.id <= limit {
            removeFirst()
            if let action = actions.removeValue(forKey: first.id) { return action }
        }
        return nil
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            let children = (2 * parent + 1..<2 * parent + 3).filter { $0 < heap.count }
            guard let child = children.min(by: { heap[$0].isBefore(heap[$1]) }), heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(child, parent)
            parent = child
        }
    }

    private mutating func rise(_ start: Int) {
        var child = start
        while child > 0, heap[child].isBefore(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }
}
