/// Brings what several lanes give, each in its own order, into the order of time. Memory is bounded: when it is full, the earliest goes out although an
/// earlier one may still come.
///
/// A lane that is behind (its past is still being read) holds the others up until it has something; once every lane has reached its end, each element waits
/// for `window`, so that a slower lane can still bring an earlier one.
struct TimeMerge<Element> {
    private struct Waiting {
        /// nil once it was taken: what was given out is not kept here.
        var element: Element?
        /// Of the lane's elements so far the latest, so that the lane's own order stands.
        let time: Int64
        let arrived: Int64
        let bytes: Int
    }

    private struct Lane {
        var waiting: [Waiting] = []
        var head = 0
        var isBehind: Bool
        var latest = Int64.min

        var isEmpty: Bool { head == waiting.count }
    }

    private let window: Int64
    private let capacity: Int
    private let capacityBytes: Int
    private var lanes: [Lane] = []
    /// Lanes that have something, the one with the earliest first: a heap.
    private var heap: [(time: Int64, lane: Int)] = []
    private(set) var count = 0
    private(set) var bytes = 0
    private(set) var behind = 0
    /// Lanes that are behind and have nothing: the earliest of all may be theirs.
    private var missing = 0
    /// It was full, and gives out until there is some room again: one by one, whoever fills it and whoever empties it would take turns for each element.
    private var makesRoom = false

    /// `window` in milliseconds; at most `capacity` elements of `capacityBytes` wait, so long as nothing is inserted into one that is full.
    init(window: Int64, capacity: Int, capacityBytes: Int) {
        self.window = window
        self.capacity = max(1, capacity)
        self.capacityBytes = max(1, capacityBytes)
    }

    var isFull: Bool { count >= capacity || bytes >= capacityBytes }

    private var hasRoom: Bool { count <= capacity - max(1, capacity / 256) && bytes <= capacityBytes - max(1, capacityBytes / 256) }

    /// A new lane; gives its number.
    mutating func addLane(isBehind: Bool) -> Int {
        lanes.append(Lane(isBehind: isBehind))
        if isBehind {
            behind += 1
            missing += 1
        }
        return lanes.count - 1
    }

    /// `time` and `now` in milliseconds, each on a clock of its own.
    mutating func insert(_ element: Element, lane: Int, time: Int64, bytes size: Int, now: Int64) {
        let time = max(time, lanes[lane].latest)
        lanes[lane].latest = time
        if lanes[lane].isEmpty {
            if lanes[lane].isBehind { missing -= 1 }
            push(time, lane)
        }
        lanes[lane].waiting.append(Waiting(element: element, time: time, arrived: now, bytes: size))
        count += 1
        bytes += size
        if isFull { makesRoom = true }
    }

    /// What comes on the lane from now on is new.
    mutating func reachedEnd(of lane: Int) {
        guard lanes[lane].isBehind else { return }
        lanes[lane].isBehind = false
        behind -= 1
        if lanes[lane].isEmpty { missing -= 1 }
    }

    /// The earliest, when its time has come.
    mutating func next(now: Int64) -> Element? {
        guard let first = heap.first else { return nil }
        if !makesRoom {
            guard missing == 0 else { return nil }
            if behind == 0 {
                let waiting = lanes[first.lane].waiting[lanes[first.lane].head]
                guard now - waiting.arrived >= window else { return nil }
            }
        }
        return take()
    }

    /// The earliest, whether its time has come or not: for the end.
    mutating func takeAny() -> Element? { heap.isEmpty ? nil : take() }

    private mutating func take() -> Element? {
        let number = heap[0].lane
        let head = lanes[number].head
        let element = lanes[number].waiting[head].element.take()
        lanes[number].head = head + 1
        count -= 1
        bytes -= lanes[number].waiting[head].bytes
        if hasRoom { makesRoom = false }
        if lanes[number].isEmpty {
            lanes[number].waiting.removeAll(keepingCapacity: lanes[number].waiting.capacity <= 1024)
            lanes[number].head = 0
            if lanes[number].isBehind { missing += 1 }
            popTop()
        } else {
            // The places of what was taken go once they are half of the queue.
            if head >= 256, head * 2 >= lanes[number].waiting.count {
                lanes[number].waiting.removeFirst(head + 1)
                lanes[number].head = 0
            }
            heap[0].time = lanes[number].waiting[lanes[number].head].time
            siftDown(0)
        }
        return element
    }

    // MARK: The heap

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        heap[left].time == heap[right].time ? heap[left].lane < heap[right].lane : heap[left].time < heap[right].time
    }

    private mutating func push(_ time: Int64, _ lane: Int) {
        heap.append((time, lane))
        var child = heap.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func popTop() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        siftDown(0)
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && isBefore(child, least) { least = child }
            guard least != parent else { return }
            heap.swapAt(least, parent)
            parent = least
        }
    }
}
