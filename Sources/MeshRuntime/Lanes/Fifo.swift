/// A queue: append at the end, take from the front, both in constant time.
struct Fifo<Element> {
    fileprivate var storage: [Element?] = []
    fileprivate var head = 0

    var count: Int { storage.count - head }
    var isEmpty: Bool { count == 0 }
    var first: Element? { isEmpty ? nil : storage[head] }

    mutating func append(_ element: consuming Element) { storage.append(element) }

    mutating func prepend(_ element: Element) {
        if head > 0 {
            head -= 1
            storage[head] = element
        } else {
            storage.insert(element, at: 0)
        }
    }

    mutating func popFirst() -> Element? {
        guard head < storage.count else { return nil }
        let element = storage[head]
        storage[head] = nil
        head += 1
        if head > 64, head * 2 > storage.count {
            storage.removeFirst(head)
            head = 0
        }
        return element
    }
}

extension Fifo {
    /// From the front to the end.
    var elements: [Element] { storage[head...].map { $0! } }

    /// The place of the first that satisfies `predicate`, for `remove(at:)`.
    func firstIndex(where predicate: (Element) -> Bool) -> Int? { storage[head...].firstIndex { predicate($0!) } }

    mutating func remove(at place: Int) -> Element { storage.remove(at: place)! }

    /// Keeps only the elements that satisfy `predicate`.
    mutating func keep(where predicate: (Element) -> Bool) {
        var kept = Fifo()
        while let element = popFirst() { if predicate(element) { kept.append(element) } }
        self = kept
    }
}

extension Fifo: Sendable where Element: Sendable {}
