import Kafka

/// The keys of `state.<bot>`, by kind: `j/` journals of runs, `s/` states of aggregates, `n/` records that were settled other than done.
enum StateKey: Equatable {
    case journal(topic: String, partition: Int32, offset: Int64)
    case state(Aggregate)
    /// The record was dead-lettered or sent to retry: deduplication must not remember it after a restart.
    case notDone(topic: String, partition: Int32, offset: Int64)

    var bytes: [UInt8] {
        switch self {
        case .journal(let topic, let partition, let offset): Array("j/\(topic)/\(partition)/\(offset)".utf8)
        case .state(let aggregate): Self.statePrefix + aggregate.bytes
        case .notDone(let topic, let partition, let offset): Array("n/\(topic)/\(partition)/\(offset)".utf8)
        }
    }

    /// The partition of the state topic, of so many, where the key is looked for.
    func partition(among count: Int32) -> Int32 {
        switch self {
        case .journal(_, let partition, _), .notDone(_, let partition, _): partition % count
        // Beside the inbox, which has as many.
        case .state(let aggregate): Murmur2.partition(of: aggregate.bytes, among: count)
        }
    }

    private static let statePrefix = Array("s/".utf8)

    /// Nil for a key of another form.
    init?(_ bytes: [UInt8]) {
        if bytes.starts(with: Self.statePrefix) {
            self = .state(Aggregate(bytes: bytes.dropFirst(Self.statePrefix.count)))
            return
        }
        let parts = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        guard parts.count == 4, let partition = Int32(parts[2]), let offset = Int64(parts[3]) else { return nil }
        switch parts[0] {
        case "j": self = .journal(topic: parts[1], partition: partition, offset: offset)
        case "n": self = .notDone(topic: parts[1], partition: partition, offset: offset)
        default: return nil
        }
    }
}
