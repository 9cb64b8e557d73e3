import Envelopes
import Kafka

/// Reads the first record that a group has not read, for its time. One record of each partition, and little more, is fetched.
final class UnreadProbe {
    private let consumer: Consumer
    /// The first record that is not read, as far as it was found.
    private struct Found {
        var unread: PartitionLag.Unread
        var due: Timestamp?
    }
    private struct Place: Hashable {
        let partition: TopicPartition
        let offset: Int64
    }

    init(_ settings: ClientSettings) throws {
        var settings = settings
        // One record is enough; a larger one comes whole all the same.
        settings["fetch.message.max.bytes"] = "16384"
        settings["fetch.wait.max.ms"] = "50"
        settings["topic.metadata.refresh.fast.interval.ms"] = "100"
        var group = GroupSettings.none(reportsPartitionEnd: true)
        group.prefetchKilobytes = 4_096
        consumer = try Consumer(settings, group: group, observer: .quiet)
    }

    func close() { _ = consumer.close(timeout: .seconds(1)) }

    /// Fills in `unread` of the rows that have some; what is not found within `timeout` stays unknown.
    func look(_ rows: [PartitionLag], timeout: Duration) throws -> [PartitionLag] {
        var known: [Place: Found] = [:]
        // Two groups may stand at two places of one partition, and a consumer at one: as many rounds as there are groups.
        var open = Set(rows.compactMap(Self.place))
        let deadline = ContinuousClock.now.advanced(by: timeout)
        while !open.isEmpty, ContinuousClock.now < deadline {
            let round = Dictionary(open.map { ($0.partition, $0.offset) }, uniquingKeysWith: min)
            try look(round, until: deadline, &known)
            open = open.filter { round[$0.partition] != $0.offset }
        }
        try consumer.assign([:])
        return rows.map { row in
            var row = row
            guard let place = Self.place(row) else {
                row.unread = row.records == 0 ? .nothing : .unknown
                return row
            }
            row.unread = known[place]?.unread ?? .unknown
            // What is not the bot's own retry may hold such a header and is handled at once.
            row.due = row.isRetry ? known[place]?.due : nil
            return row
        }
    }

    private static func due(_ record: Record) -> Timestamp? {
        record.text(RecordHeader.notBefore).flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) }
    }

    private static func place(_ row: PartitionLag) -> Place? {
        guard let position = row.position, let marks = row.marks, position < marks.high else { return nil }
        return Place(partition: row.partition, offset: position)
    }

    /// Partitions that have answered go on being read until all have: pausing one would outlast its assignment.
    private func look(
        _ round: [TopicPartition: Int64], until deadline: ContinuousClock.Instant, _ known: inout [Place: Found]
    ) throws {
        try consumer.assign(round.mapValues { .at($0) })
        var open = round
        while !open.isEmpty, ContinuousClock.now < deadline {
            switch consumer.poll(timeout: .milliseconds(100)) {
            case .record(let record):
                guard let offset = open.removeValue(forKey: record.topicPartition) else { continue }
                let written = record.timestamp.kind == .none ? nil : Timestamp(milliseconds: record.timestamp.milliseconds)
                known[Place(partition: record.topicPartition, offset: offset)] = Found(unread: .since(written), due: Self.due(record))
            case .partitionEnd(let partition, let end):
                guard let offset = open.removeValue(forKey: partition) else { continue }
                let high = consumer.cachedWatermarks(of: partition)?.high ?? end
                known[Place(partition: partition, offset: offset)] = Found(unread: end >= high ? .nothing : .inTransaction)
            case .error(let error): if error.isFatal { throw error }
            case nil: break
            }
        }
    }
}
