import Kafka

/// Where a record stands in a batch.
struct RecordPlace: Hashable, Sendable {
    let item: Int
    /// Among the records of its item.
    let record: Int
}

extension RecordPlace {
    /// What the producer knows the record by.
    var token: UInt64 { UInt64(item) << 32 | UInt64(record) }

    init(token: UInt64) { self.init(item: Int(token >> 32), record: Int(token & 0xffff_ffff)) }
}

/// What was handed to the producer of a batch at-least-once, and what is known of it.
struct Handover {
    private var handed: [RecordPlace] = []
    private(set) var unsent: [Unwritten] = []
    private(set) var failures: [Delivery] = []

    var error: KafkaError? { unsent.first?.error ?? failures.first?.error }

    mutating func add(_ place: RecordPlace) { handed.append(place) }

    /// All that was handed over since was delivered, or is told here.
    /// - Parameter refused: what the producer did not take; what would have come behind it was not handed over.
    mutating func end(refused: Unwritten?, failures: [Delivery]) {
        if let refused {
            handed.removeLast()
            unsent.append(refused)
        }
        self.failures += failures
    }

    /// Whether something of the item that was to be handed over so far was not delivered.
    func lacks(_ item: Int) -> Bool {
        unsent.contains { $0.item <= item } || failures.contains { RecordPlace(token: $0.token).item == item }
    }

    var delivered: Set<RecordPlace> { Set(handed).subtracting(failures.map { RecordPlace(token: $0.token) }) }

    /// The last item of which a record may be in its topic. What was refused is not.
    var lastBegun: Int? {
        let refused = failures.filter { $0.error?.isRefusal ?? false }.map { RecordPlace(token: $0.token) }
        return Set(handed).subtracting(refused).lazy.map(\.item).max()
    }
}

extension Produced {
    /// Whether it is a record of that topic, which no events go to.
    func isOf(_ stateTopic: String) -> Bool { if case .record(let record) = self { record.topic == stateTopic } else { false } }
}
