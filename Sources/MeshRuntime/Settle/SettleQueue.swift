import Kafka

/// What is decided and waits for its settlement, with its size.
struct SettleQueue {
    private var items = Fifo<SettleItem>()
    private(set) var bytes = 0

    var count: Int { items.count }
    var isEmpty: Bool { items.isEmpty }

    mutating func append(_ item: SettleItem) {
        bytes += item.bytes
        items.append(item)
    }

    mutating func popFirst() -> SettleItem? {
        guard let item = items.popFirst() else { return nil }
        bytes -= item.bytes
        return item
    }

    mutating func removeLost() {
        items.keep { !$0.isLost }
        bytes = items.elements.reduce(0) { $0 + $1.bytes }
    }

    /// From the front to the end.
    var elements: [SettleItem] { items.elements }
}
