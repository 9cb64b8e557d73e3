import BotKit
import Envelopes

/// Records of one key wait in one lane, in order; the heads of lanes are taken by priority, and those of one priority in turns.
/// What may have been done before goes first in its priority, in the order in which it came: so what a crash repeats is done before what is new, unless it had been
/// done out of that order, and whoever reads the results remembers them still.
///
/// A lane whose head was taken stays closed until it is released. So that nothing starves, every eighth turn goes to the head that has waited
/// longest, whatever its priority.
/// What refers to a lane is the lane itself: looking one up by its key is what costs most here.
struct Lanes<Key: Hashable & Sendable, Element>: ~Copyable {
    /// Every so many turns the longest waiting head is taken.
    static var fairTurn: Int { 8 }

    private struct Waiting {
        let element: Element
        let priority: Priority
        /// When it came, where it goes first; nil: it takes turns.
        let arrival: UInt64?
    }

    private final class Lane {
        let key: Key
        var waiting: Fifo<Waiting> = Fifo()
        /// The head was taken and not released.
        var isClosed = false
        /// Tells an entry in `ready` or `first` that still counts from one left behind.
        var ticket: UInt64 = 0

        init(_ key: Key) { self.key = key }

        /// The head, or whatever is handled before it, is taken.
        func close() { (isClosed, ticket) = (true, 0) }
    }

    /// The head of a lane that goes first, in the order of arrival.
    private struct Offer: HeapEntry {
        let lane: Lane
        let arrival: UInt64
        let ticket: UInt64
        func isBefore(_ other: Offer) -> Bool { arrival < other.arrival }
    }

    private var lanes: [Key: Lane] = [:]
    private var ready: [Fifo<(lane: Lane, ticket: UInt64)>] = Array(repeating: Fifo(), count: Priority.allCases.count)
    private var first: [Heap<Offer>] = Array(repeating: Heap(), count: Priority.allCases.count)
    private var nextTicket: UInt64 = 1
    private var arrivals: UInt64 = 0
    private var turn = 0
    /// How many elements wait, the heads of closed lanes not counted.
    private(set) var count = 0

    init() {}

    var isEmpty: Bool { count == 0 }
    var laneCount: Int { lanes.count }

    /// - Parameter goesFirst: it may have been done before.
    mutating func append(_ element: Element, to key: Key, priority: Priority, goesFirst: Bool = false) {
        count += 1
        arrivals += 1
        let lane = lane(of: key)
        lane.waiting.append(Waiting(element: element, priority: priority, arrival: goesFirst ? arrivals : nil))
        if lane.waiting.count == 1, !lane.isClosed { offer(lane) }
    }

    private mutating func lane(of key: Key) -> Lane {
        if let lane = lanes[key] { return lane }
        let lane = Lane(key)
        lanes[key] = lane
        return lane
    }

    /// Takes the next head and closes its lane. Nil when every lane is closed or empty.
    mutating func takeNext() -> (key: Key, element: Element)? {
        turn = (turn + 1) % Self.fairTurn
        guard let place = turn == 0 ? oldest() : mostUrgent() else { return nil }
        let offered = place.isFirst ? first[place.queue].popFirst()?.lane : ready[place.queue].popFirst()?.lane
        guard let lane = offered, let head = lane.waiting.popFirst() else { return nil }
        lane.close()
        count -= 1
        return (lane.key, head.element)
    }

    /// The priority of the most urgent head; nil when every lane is closed or empty.
    mutating func highestPriority() -> Priority? { mostUrgent().map { Priority.allCases[$0.queue] } }

    /// Takes an element of an open lane that satisfies `predicate`, from behind others too, and closes its lane. Looks at every element.
    mutating func take(where predicate: (Element) -> Bool) -> (key: Key, element: Element)? {
        for lane in lanes.values where !lane.isClosed {
            guard let place = lane.waiting.firstIndex(where: { predicate($0.element) }) else { continue }
            let element = lane.waiting.remove(at: place).element
            lane.close()
            count -= 1
            return (lane.key, element)
        }
        return nil
    }

    /// Takes an element that satisfies `predicate` out of a closed lane, which stays closed.
    mutating func remove(behind key: Key, where predicate: (Element) -> Bool) -> Element? {
        guard let lane = lanes[key], lane.isClosed, let place = lane.waiting.firstIndex(where: { predicate($0.element) }) else {
            return nil
        }
        count -= 1
        return lane.waiting.remove(at: place).element
    }

    /// Whether nothing of this key waits or is under way.
    func isFree(_ key: @autoclosure () -> Key) -> Bool { lanes.isEmpty || lanes[key()] == nil }

    /// Closes a lane for an element that never waited in it, until it is released.
    mutating func close(_ key: Key) { lane(of: key).close() }

    /// Opens a lane whose head was taken.
    mutating func release(_ key: Key) {
        guard !lanes.isEmpty, let lane = lanes[key] else { return }
        if lane.waiting.isEmpty {
            remove(lane)
        } else {
            lane.isClosed = false
            offer(lane)
        }
    }

    /// Puts an element that was taken back to the front of its lane, and opens the lane.
    mutating func putBack(_ element: Element, to key: Key, priority: Priority) {
        count += 1
        let lane = lane(of: key)
        lane.waiting.prepend(Waiting(element: element, priority: priority, arrival: nil))
        lane.isClosed = false
        offer(lane)
    }

    /// Removes the waiting elements that satisfy `predicate`, and returns them.
    mutating func removeWaiting(where predicate: (Element) -> Bool) -> [Element] {
        var removed: [Element] = []
        for lane in Array(lanes.values) {
            let before = lane.waiting.count
            var kept = Fifo<Waiting>()
            while let entry = lane.waiting.popFirst() {
                if predicate(entry.element) { removed.append(entry.element) } else { kept.append(entry) }
            }
            lane.waiting = kept
            guard kept.count != before, !lane.isClosed else { continue }
            if kept.isEmpty { remove(lane) } else { offer(lane) }
        }
        count -= removed.count
        return removed
    }

    /// Removes whole lanes, closed ones too, and returns what waited in them.
    mutating func removeLanes(where predicate: (Key) -> Bool) -> [Element] {
        var removed: [Element] = []
        for lane in lanes.values.filter({ predicate($0.key) }) {
            while let entry = lane.waiting.popFirst() { removed.append(entry.element) }
            remove(lane)
        }
        count -= removed.count
        return removed
    }

    private mutating func remove(_ lane: Lane) {
        lane.ticket = 0
        lanes[lane.key] = nil
    }

    private mutating func offer(_ lane: Lane) {
        guard let head = lane.waiting.first else { return }
        lane.ticket = nextTicket
        let queue = Self.index(head.priority)
        if let arrival = head.arrival {
            first[queue].insert(Offer(lane: lane, arrival: arrival, ticket: nextTicket))
        } else {
            ready[queue].append((lane, nextTicket))
        }
        nextTicket += 1
    }

    /// Where a head is offered: by its priority, and whether it goes first there.
    private typealias Place = (queue: Int, isFirst: Bool)

    /// The ticket of what is next there; nil when nothing is. Drops entries left behind.
    private mutating func ticket(at place: Place) -> UInt64? {
        if place.isFirst {
            while let entry = first[place.queue].first, entry.lane.ticket != entry.ticket { _ = first[place.queue].popFirst() }
            return first[place.queue].first?.ticket
        }
        while let (lane, ticket) = ready[place.queue].first, lane.ticket != ticket { _ = ready[place.queue].popFirst() }
        return ready[place.queue].first?.ticket
    }

    private mutating func mostUrgent() -> Place? {
        for queue in ready.indices.reversed() {
            for isFirst in [true, false] where ticket(at: (queue, isFirst)) != nil { return (queue, isFirst) }
        }
        return nil
    }

    private mutating func oldest() -> Place? {
        var best: (place: Place, ticket: UInt64)?
        for queue in ready.indices {
            for isFirst in [true, false] {
                guard let ticket = ticket(at: (queue, isFirst)), ticket < best?.ticket ?? .max else { continue }
                best = ((queue, isFirst), ticket)
            }
        }
        return best?.place
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
