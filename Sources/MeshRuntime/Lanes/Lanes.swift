import BotKit
import Envelopes

/// Records of one key wait in one lane, in order; the heads of lanes are taken by priority.
///
/// A lane whose head was taken stays closed until it is released. So that nothing starves, every eighth turn goes to the head that has waited
/// longest, whatever its priority.
struct Lanes<Key: Hashable & Sendable, Element> {
    /// Every so many turns the longest waiting head is taken.
    static var fairTurn: Int { 8 }

    private struct Lane {
        var waiting: Fifo<(Element, Priority)> = Fifo()
        /// The head was taken and not released.
        var isClosed = false
        /// Tells an entry in `ready` that still counts from one left behind.
        var ticket: UInt64 = 0
    }

    private var lanes: [Key: Lane] = [:]
    private var ready: [Fifo<(key: Key, ticket: UInt64)>] = Array(repeating: Fifo(), count: Priority.allCases.count)
    private var nextTicket: UInt64 = 1
    private var turn = 0
    /// How many elements wait, the heads of closed lanes not counted.
    private(set) var count = 0

    init() {}

    var isEmpty: Bool { count == 0 }
    var laneCount: Int { lanes.count }

    mutating func append(_ element: Element, to key: Key, priority: Priority) {
        count += 1
        lanes[key, default: Lane()].waiting.append((element, priority))
        if lanes[key]!.waiting.count == 1, !lanes[key]!.isClosed { offer(key) }
    }

    /// Takes the next head and closes its lane. Nil when every lane is closed or empty.
    mutating func takeNext() -> (key: Key, element: Element)? {
        turn = (turn + 1) % Self.fairTurn
        let order = Array(ready.indices.reversed())
        let queue = turn == 0 ? oldest() : order.first { !current(in: $0) }
        guard let queue, let entry = ready[queue].popFirst(), let head = lanes[entry.key]?.waiting.popFirst() else { return nil }
        lanes[entry.key]!.isClosed = true
        lanes[entry.key]!.ticket = 0
        count -= 1
        return (entry.key, head.0)
    }

    /// Takes an element of an open lane that satisfies `predicate`, from behind others too, and closes its lane. Looks at every element.
    mutating func take(where predicate: (Element) -> Bool) -> (key: Key, element: Element)? {
        for (key, lane) in lanes where !lane.isClosed {
            guard let place = lane.waiting.firstIndex(where: { predicate($0.0) }) else { continue }
            let (element, _) = lanes[key]!.waiting.remove(at: place)
            lanes[key]!.isClosed = true
            lanes[key]!.ticket = 0
            count -= 1
            return (key, element)
        }
        return nil
    }

    /// Whether nothing of this key waits or is under way.
    func isFree(_ key: @autoclosure () -> Key) -> Bool { lanes.isEmpty || lanes[key()] == nil }

    /// Closes a lane for an element that never waited in it, until it is released.
    mutating func close(_ key: Key) { lanes[key, default: Lane()].isClosed = true }

    /// Opens a lane whose head was taken.
    mutating func release(_ key: Key) {
        guard !lanes.isEmpty, lanes[key] != nil else { return }
        if lanes[key]!.waiting.isEmpty {
            lanes[key] = nil
        } else {
            lanes[key]!.isClosed = false
            offer(key)
        }
    }

    /// Puts an element that was taken back to the front of its lane, and opens the lane.
    mutating func putBack(_ element: Element, to key: Key, priority: Priority) {
        count += 1
        lanes[key, default: Lane()].waiting.prepend((element, priority))
        lanes[key]!.isClosed = false
        offer(key)
    }

    /// Removes the waiting elements that satisfy `predicate`, and returns them.
    mutating func removeWaiting(where predicate: (Element) -> Bool) -> [Element] {
        var removed: [Element] = []
        for key in Array(lanes.keys) {
            let before = lanes[key]!.waiting.count
            var kept = Fifo<(Element, Priority)>()
            while let entry = lanes[key]!.waiting.popFirst() {
                if predicate(entry.0) { removed.append(entry.0) } else { kept.append(entry) }
            }
            lanes[key]!.waiting = kept
            guard kept.count != before else { continue }
            if kept.isEmpty, !lanes[key]!.isClosed { lanes[key] = nil } else if !lanes[key]!.isClosed { offer(key) }
        }
        count -= removed.count
        return removed
    }

    /// Removes whole lanes, closed ones too, and returns what waited in them.
    mutating func removeLanes(where predicate: (Key) -> Bool) -> [Element] {
        var removed: [Element] = []
        for key in lanes.keys.filter(predicate) {
            while let entry = lanes[key]!.waiting.popFirst() { removed.append(entry.0) }
            lanes[key] = nil
        }
        count -= removed.count
        return removed
    }

    private mutating func offer(_ key: Key) {
        guard let head = lanes[key]?.waiting.first else { return }
        lanes[key]!.ticket = nextTicket
        ready[Self.index(head.1)].append((key, nextTicket))
        nextTicket += 1
    }

    /// Drops entries left behind at the front of a queue; true when nothing is left in it.
    private mutating func current(in queue: Int) -> Bool {
        while let entry = ready[queue].first, lanes[entry.key]?.ticket != entry.ticket { _ = ready[queue].popFirst() }
        return ready[queue].isEmpty
    }

    private mutating func oldest() -> Int? {
        var best: (queue: Int, ticket: UInt64)?
        for queue in ready.indices where !current(in: queue) {
            let ticket = ready[queue].first!.ticket
            if ticket < best?.ticket ?? .max { best = (queue, ticket) }
        }
        return best?.queue
    }

    private static func index(_ priority: Priority) -> Int {
        switch priority {
        case .low: 0
        case .medium: 1
        case .high: 2
        case .critical: 3
        }
    }
}
