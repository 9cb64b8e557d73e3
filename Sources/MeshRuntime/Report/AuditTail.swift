import Envelopes
import Kafka

/// How an actor's records on `mesh.audit` end at this moment.
public enum AuditTail: Sendable, Equatable {
    /// It has none.
    case none
    /// The hash of its last record.
    case last(hash: String)
    /// Its last record could not be found.
    case unknown

    /// What the first record of its next chain says.
    public var link: AuditRecord.Link {
        switch self {
        case .none: .first
        case .last: .continued
        case .unknown: .unknown
        }
    }

    /// The `previousHash` of that record.
    public var hash: String { if case .last(let hash) = self { hash } else { "" } }

    /// So many records are looked through, from the end on; an actor that was silent for longer is `unknown`.
    static let furthest: Int64 = 100_000

    /// Looks for the actor's last committed record, from the end of its partition towards the beginning. Blocks, for up to `limit`.
    public static func find(actor: String, _ client: ClientSettings, limit: Duration) throws -> AuditTail {
        let deadline = ContinuousClock.now.advanced(by: limit)
        var settings = client
        if settings["fetch.wait.max.ms"] == nil { settings["fetch.wait.max.ms"] = "20" }
        let consumer = try Consumer(settings, group: .none(reportsPartitionEnd: true))
        defer { consumer.close(timeout: .seconds(2)) }
        let key = Array(actor.utf8)
        guard let partition = try partition(of: key, consumer, limit: limit) else { return .none }
        let marks = try consumer.watermarks(of: partition, timeout: limit)
        var high = marks.high
        var size: Int64 = 500
        while high > marks.low {
            guard ContinuousClock.now < deadline, marks.high - high < furthest else { return .unknown }
            let low = max(marks.low, high - size)
            if let hash = try last(of: key, in: partition, low..<high, consumer, limit: limit, deadline) { return .last(hash: hash) }
            high = low
            size = min(size * 10, 50_000)
        }
        return .none
    }

    private static func partition(of key: [UInt8], _ consumer: Consumer, limit: Duration) throws -> TopicPartition? {
        guard let topic = try consumer.metadata(topic: AuditRecord.topic, timeout: limit).topics[AuditRecord.topic] else { return nil }
        if let error = topic.error { throw error }
        return topic.partitions.isEmpty
            ? nil : TopicPartition(AuditRecord.topic, Murmur2.partition(of: key, among: Int32(topic.partitions.count)))
    }

    /// The hash of the last record with the key among those offsets; nil when there is none.
    private static func last(
        of key: [UInt8], in partition: TopicPartition, _ offsets: Range<Int64>, _ consumer: Consumer, limit: Duration,
        _ deadline: ContinuousClock.Instant
    ) throws -> String? {
        var hash: String?
        try consumer.assign([partition: .at(offsets.lowerBound)])
        while true {
            switch consumer.poll(timeout: .milliseconds(100)) {
            case .record(let record):
                guard record.offset < offsets.upperBound else { return hash }
                if record.key == key { hash = read(record) ?? hash }
                if record.offset + 1 == offsets.upperBound { return hash }
            case .partitionEnd: return hash
            case .error(let error) where error.isFatal || !error.isRetriable && !error.isBrokersDown: throw error
            case .error, nil: break
            }
            guard ContinuousClock.now < deadline else { throw KafkaError.timedOut("the end of \(partition)", after: limit) }
        }
    }

    /// nil for what is no audit record.
    private static func read(_ record: Record) -> String? {
        guard let value = record.value, let audit = try? JSONCoder.decode(AuditRecord.self, from: value) else { return nil }
        return audit.hash
    }
}
