import Envelopes
import Kafka

/// Looks at what groups have committed, and at what they have not read. Confined to the thread that made it.
///
/// The offsets are asked for by consumers that never join: librdkafka's administrative calls about groups end the process when a broker goes while they
/// wait (confluentinc/librdkafka issue 3663).
final class LagReader {
    private let settings: ClientSettings
    private let admin: AdminClient
    private let probe: UnreadProbe
    private let marksReader: Consumer
    private var groups: [String: Consumer] = [:]
    /// The topics that a group is known to read.
    private var topics: [String: Set<String>] = [:]
    /// How many partitions each topic had when it was last seen.
    private var counts: [String: Int32] = [:]
    private static let patience: Duration = .seconds(5)

    init(_ settings: ClientSettings) throws {
        var settings = settings
        // A broker that comes back is to be seen at once.
        settings["reconnect.backoff.max.ms"] = settings["reconnect.backoff.max.ms"] ?? "1000"
        self.settings = settings
        admin = try AdminClient(settings, observer: .quiet)
        probe = try UnreadProbe(settings)
        marksReader = try Consumer(settings, group: .none(isolation: .readUncommitted), observer: .quiet)
    }

    func close() {
        for consumer in groups.values { _ = consumer.close(timeout: .seconds(1)) }
        _ = marksReader.close(timeout: .seconds(1))
        probe.close()
        admin.close(timeout: .seconds(1))
    }

    /// Looks at the groups of `bots`. What cannot be found out is unknown in its rows, and told in the sample's troubles.
    func sample(_ bots: [String], _ instances: [InstanceStatus]) throws -> LagSample {
        var troubles: [String] = []
        do throws(KafkaError) {
            counts = try partitionCounts()
        } catch {
            // At the first look there is nothing to show without it; later all that was there is unknown.
            if counts.isEmpty { throw error }
            troubles.append("Kafka does not answer: \(error)")
            let rows = bots.flatMap(unknown)
            return LagSample(wall: .now, time: .now, rows: rows, instances: instances, troubles: troubles)
        }
        var rows: [PartitionLag] = []
        for bot in bots {
            do {
                rows += try look(at: bot, instances)
            } catch let error as KafkaError where !error.isFatal {
                troubles.append("what \(bot) has committed is not known: \(error)")
                rows += unknown(bot)
            }
        }
        rows = try addMarks(rows, &troubles)
        rows = try probe.look(rows, timeout: .seconds(3))
        rows.sort { ($0.group, $0.partition) < ($1.group, $1.partition) }
        return LagSample(wall: .now, time: .now, rows: rows, instances: instances, troubles: troubles)
    }

    /// Of all topics but Kafka's own.
    private func partitionCounts() throws(KafkaError) -> [String: Int32] {
        try admin.metadata(timeout: Self.patience).topics.filter { !$0.key.hasPrefix("__") }.mapValues { Int32($0.partitions.count) }
    }

    /// What a bot has to do with, when nobody tells how far it is.
    private func unknown(_ bot: String) -> [PartitionLag] {
        (topics[bot] ?? []).sorted().flatMap { topic in
            (0..<(counts[topic] ?? 0)).map { PartitionLag(group: bot, partition: TopicPartition(topic, $0)) }
        }
    }

    private func look(at bot: String, _ instances: [InstanceStatus]) throws -> [PartitionLag] {
        let owned = instances.filter { $0.record.bot == bot }.flatMap(\.record.partitions).compactMap(PartitionNames.parse).map(\.topic)
        let consumer = try groups[bot] ?? Consumer(settings, group: GroupSettings(id: bot, isolation: .readUncommitted), observer: .quiet)
        groups[bot] = consumer
        // At first all topics are asked about; from then on those that the group has to do with.
        let asked = topics[bot] ?? Set(counts.keys)
        let partitions = asked.union(owned).flatMap { topic in (0..<(counts[topic] ?? 0)).map { TopicPartition(topic, $0) } }
        let committed = try consumer.committed(partitions, timeout: Self.patience).filter { $0.value.offset >= 0 }
        let own = Set(owned).union(committed.keys.map(\.topic)).union(topics[bot] ?? [])
        topics[bot] = own
        return partitions.filter { own.contains($0.topic) }.map { partition in
            PartitionLag(
                group: bot, partition: partition, committed: committed[partition].map { .offset($0.offset) } ?? .nothing)
        }
    }

    /// Each partition is asked about once, however many groups read it.
    private func addMarks(_ rows: [PartitionLag], _ troubles: inout [String]) throws -> [PartitionLag] {
        let partitions = Set(rows.map(\.partition))
        var marks: [TopicPartition: Watermarks] = [:]
        do throws(KafkaError) {
            marks = try marksReader.watermarks(of: partitions, timeout: Self.patience)
            let unknown = partitions.filter { marks[$0] == nil }
            if let first = unknown.min() {
                let rest = unknown.count > 1 ? " and \(unknown.count - 1) more" : ""
                troubles.append("the end of \(first)\(rest) is not known: no broker leads it at the moment")
            }
        } catch {
            if error.isFatal { throw error }
            troubles.append("the ends of partitions are not known: \(error)")
        }
        return rows.map { row in
            var row = row
            row.marks = marks[row.partition]
            return row
        }
    }
}
