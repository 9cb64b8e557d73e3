/// How far the items of a batch came at-least-once: first all of their records but those of the state topic, then these.
struct Handover {
    /// Of one item, the records of one part.
    private struct Progress {
        var (wanted, handed, failed) = (0, 0, 0)
        var isDelivered: Bool { failed == 0 && handed == wanted }
        var hasBegun: Bool { handed > failed }
    }

    private let stateTopic: String
    private var results: [Progress]
    private var state: [Progress]
    /// Whether the state topic is told of anything.
    let hasState: Bool

    init(_ records: [[Produced]], stateTopic: String) {
        self.stateTopic = stateTopic
        results = Array(repeating: Progress(), count: records.count)
        state = results
        for (item, records) in records.enumerated() {
            for record in records {
                if record.isOf(stateTopic) { state[item].wanted += 1 } else { results[item].wanted += 1 }
            }
        }
        hasState = state.contains { $0.wanted > 0 }
    }

    /// Whether the record is to be handed over with the first part; it counts as handed over then.
    mutating func takesResult(_ item: Int, _ record: Produced) -> Bool {
        guard !record.isOf(stateTopic) else { return false }
        results[item].handed += 1
        return true
    }

    /// The same with the second part: only where all else of its item was delivered.
    mutating func takesState(_ item: Int, _ record: Produced) -> Bool {
        guard record.isOf(stateTopic), results[item].isDelivered else { return false }
        state[item].handed += 1
        return true
    }

    /// A record of the first part was not delivered. A report may come late, of a batch that had more.
    mutating func resultFailed(_ item: Int) { if results.indices.contains(item) { results[item].failed += 1 } }

    /// The same of the second part.
    mutating func stateFailed(_ item: Int) { if state.indices.contains(item) { state[item].failed += 1 } }

    /// The items of which all was delivered.
    var delivered: Set<Int> { Set(results.indices.filter { results[$0].isDelivered && state[$0].isDelivered }) }

    /// The items of which all was delivered but what the state topic is to be told.
    var deliveredButState: Set<Int> { Set(results.indices.filter { results[$0].isDelivered && !state[$0].isDelivered }) }

    /// The last item of which a record may have been delivered.
    var lastBegun: Int? { results.indices.last { results[$0].hasBegun || state[$0].hasBegun } }
}

extension Produced {
    /// Whether it is a record of that topic, which no events go to.
    func isOf(_ stateTopic: String) -> Bool { if case .record(let record) = self { record.topic == stateTopic } else { false } }
}
