/// The newest of all elements that were added, in bounded memory.
struct Newest<Element> {
    private let most: Int
    private let isOlder: (Element, Element) -> Bool
    private var elements: [Element] = []
    private(set) var seen = 0

    init(_ most: Int, isOlder: @escaping (Element, Element) -> Bool) {
        self.most = most
        self.isOlder = isOlder
    }

    mutating func add(_ element: Element) {
        seen += 1
        elements.append(element)
        if elements.count >= 2 * most + 64 { elements = sorted }
    }

    /// From old to new.
    var sorted: [Element] { Array(elements.sorted(by: isOlder).suffix(most)) }
}
