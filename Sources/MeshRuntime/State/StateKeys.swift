import Kafka

/// The keys of `state.<bot>`, by kind: `j/` journals of runs, `s/` states of aggregates, `n/` records that were settled other than done.
enum StateKey: Equatable {
    case journal(topic: String, partition: Int32, offset: Int64)
    case state(aggregate: String)
    /// The record was dead-lettered or sent to retry: deduplication must not remember it after a restart.
    case notDone(topic: String, partition: Int32, offset: Int64)

    var bytes: [UInt8] {
        switch self {
        case .journal(let topic, let partition, let offset): Array("j/\(topic)/\(partition)/\(offset)".utf8)
        case .state(let aggregate): Array("s/\(aggregate)".utf8)
        case .notDone(let topic, let partition, let offset): Array("n/\(topic)/\(partition)/\(offset)".utf8)
        }
    }

    /// The partition of the state topic, of so many, where the key is looked for.
    func partition(among count: Int32) -> Int32 {
        switch self {
        case .journal(_, let partition, _), .notDone(_, let partition, _): partition % count
        // Beside the inbox, which has as many.
        case .state(let aggregate): Murmur2.partition(of: Array(aggregate.utf8), among: count)
        }
    }

    /// Nil for a key of another form.
    init?(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.utf8.count > 2 else { return nil }
        let rest = text.dropFirst(2)
        switch text.prefix(2) {
        case "s/": self = .state(aggregate: String(rest))
        case "j/", "n/":
            let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 3, let partition = Int32(parts[1]), let offset = Int64(parts[2]) else { return nil }
            let topic = String(parts[0])
            self =
                text.hasPrefix("j/")
                ? .journal(topic: topic, partition: partition, offset: offset)
                : .notDone(topic: topic, partition: partition, offset: offset)
        default: return nil
        }
    }
}
