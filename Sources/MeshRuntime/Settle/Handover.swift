import Kafka

/// Where a record stands in a batch.
struct BatchPlace: Hashable, Comparable, Sendable {
    let item: Int
    /// Among the records of its item.
    let record: Int

    init(item: Int, record: Int) {
        self.item = item
        self.record = record
    }

    init(token: UInt64) { self.init(item: Int(token >> 32), record: Int(token & 0xffff_ffff)) }

    /// What the producer knows the record by.
    var token: UInt64 { UInt64(item) << 32 | UInt64(record) }

    static func < (left: BatchPlace, right: BatchPlace) -> Bool { left.token < right.token }
}

/// How far a batch came at-least-once: first all of its records but those of the state topic, then these.
struct Handover {
    var results = Part()
    var state = Part()

    /// Records that are handed to the producer together.
    struct Part {
        private var handed: [BatchPlace] = []
        /// What the producer did not take; what would have come behind it was not handed over.
        private(set) var unsent: Unwritten?
        /// Those that were not delivered.
        private(set) var failures: [Delivery] = []
        /// Whether it is known what became of each.
        private(set) var isKnown = false

        mutating func add(_ place: BatchPlace) { handed.append(place) }

        /// The producer did not take what was added last.
        mutating func refused(_ record: Unwritten) {
            handed.removeLast()
            unsent = record
        }

        /// What is not told here was delivered.
        mutating func end(_ failures: [Delivery]) { (self.failures, isKnown) = (failures, true) }

        var delivered: Set<BatchPlace> { isKnown ? Set(handed).subtracting(failures.map { BatchPlace(token: $0.token) }) : [] }

        /// Those that may be in their topic. What was refused is not, nor what was never sent.
        private var begun: Set<BatchPlace> {
            let absent = failures.filter { $0.error?.isRefusal ?? false || !$0.mayBeThere }.map { BatchPlace(token: $0.token) }
            return Set(handed).subtracting(absent)
        }

        /// The last of those that may be in their topic.
        var lastBegun: BatchPlace? { begun.max() }

        /// How many may be in their topic without anybody having said so.
        var unknown: Int { begun.subtracting(delivered).count }

        /// Whether something of the item was not delivered, or not even handed over.
        func lacks(_ item: Int) -> Bool {
            !isKnown || unsent.map { $0.item <= item } ?? false || failures.contains { BatchPlace(token: $0.token).item == item }
        }
    }

    var unsent: [Unwritten] { [results.unsent, state.unsent].compactMap(\.self) }
    var failures: [Delivery] { results.failures + state.failures }
    var error: KafkaError? { unsent.first?.error ?? failures.first?.error }

    /// Of each item the records that were delivered, by their places.
    var delivered: [Int: Set<Int>] {
        Dictionary(grouping: results.delivered.union(state.delivered), by: \.item).mapValues { Set($0.map(\.record)) }
    }
}

extension Produced {
    /// Whether it is a record of that topic, which no events go to.
    func isOf(_ stateTopic: String) -> Bool { if case .record(let record) = self { record.topic == stateTopic } else { false } }
}
