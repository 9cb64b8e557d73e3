import Envelopes
import Kafka

/// What `mesh.control` asks of a bot: the newest record of each key. Until every partition is read to the end that it had when its reading began, nothing is
/// told: the older records of the log are wishes of the past, and a drain cannot be taken back.
struct ControlReading {
    private var records: [String: ControlRecord] = [:]
    /// Partitions that are not read to the end that they had at first, with that end.
    private var open: [TopicPartition: Int64] = [:]
    private var isTold = false
    private var isFound: Bool

    /// - Parameter mayBeMissing: whether nothing is asked for where the topic is not there. A reading after a failure holds to what the one before has told, since
    ///   a broker that has just started may not know the topic yet.
    init(mayBeMissing: Bool = true) { isFound = mayBeMissing }

    mutating func begin(_ partition: TopicPartition, _ marks: Watermarks) {
        isFound = true
        if marks.low < marks.high { open[partition] = marks.high }
    }

    /// A record of the topic was read: nil took back what the key had; no key: it concerns others, or cannot be read.
    mutating func read(_ record: Record, _ change: (key: String, record: ControlRecord?)?) {
        if let end = open[record.topicPartition], record.offset + 1 >= end { open[record.topicPartition] = nil }
        guard let (key, record) = change else { return }
        records[key] = record
        isTold = false
    }

    mutating func reachedEnd(of partition: TopicPartition) { open[partition] = nil }

    /// All that is asked for, where that is news.
    mutating func news() -> [String: ControlRecord]? {
        guard isFound, !isTold, open.isEmpty else { return nil }
        isTold = true
        return records
    }
}
