import BotKit
import Envelopes
import Kafka

@testable import MeshRuntime

/// A broker in memory: partitions, committed offsets, transactions that are applied whole or not at all.
final class MemoryLog {
    private(set) var partitions: [TopicPartition: [Record]] = [:]
    private(set) var counts: [String: Int32]
    var committed: [TopicPartition: CommittedOffset] = [:]
    var clock: () -> Int64

    init(_ counts: [String: Int32], clock: @escaping () -> Int64) {
        self.counts = counts
        self.clock = clock
        for (topic, count) in counts { for number in 0..<count { partitions[TopicPartition(topic, number)] = [] } }
    }

    func records(of topic: String) -> [Record] {
        (0..<(counts[topic] ?? 0)).flatMap { partitions[TopicPartition(topic, $0)] ?? [] }
    }

    func count(of topic: String) -> Int { partitions.reduce(0) { $0 + ($1.key.topic == topic ? $1.value.count : 0) } }

    /// How many records of a topic lie below what is committed.
    func committedCount(of topic: String) -> Int {
        committed.reduce(0) { count, commit in
            guard commit.key.topic == topic, let records = partitions[commit.key] else { return count }
            return count + records.partitionPoint { $0.offset >= commit.value.offset }
        }
    }

    @discardableResult
    func append(_ record: OutgoingRecord) -> TopicPartition {
        guard let count = counts[record.topic] else { fatalError("no topic \(record.topic)") }
        let number =
            record.partition ?? record.key.map { Murmur2.partition(of: $0, among: count) } ?? Int32(
                partitions.values.reduce(0) { $0 + $1.count }) % count
        let place = TopicPartition(record.topic, number)
        // Every seventh offset is a transaction marker, as on a real broker: offsets have gaps.
        let last = partitions[place]!.last.map(\.offset) ?? -1
        let next = last + ((last + 1) % 7 == 6 ? 2 : 1)
        partitions[place]!.append(
            Record(
                topicPartition: place, offset: next, key: record.key, value: record.value, headers: record.headers,
                timestamp: RecordTimestamp(kind: .created, milliseconds: record.timestampMilliseconds ?? clock())))
        return place
    }

    func end(of partition: TopicPartition) -> Int64 { (partitions[partition]!.last?.offset ?? -1) + 1 }

    /// The first record at or after `offset`.
    func record(at offset: Int64, of partition: TopicPartition) -> Record? {
        let records = partitions[partition]!
        let place = records.partitionPoint { $0.offset >= offset }
        return place < records.count ? records[place] : nil
    }

    /// The log is cut: a leader that was not in sync, a backup that was put back.
    func cut(_ partition: TopicPartition, to end: Int64) { partitions[partition]!.removeAll { $0.offset >= end } }

    /// The journals that a state topic has at last become what `change` makes of them.
    func changeJournals(of topic: String, _ change: (inout JournalEntry) -> Void) throws {
        var latest: [[UInt8]: [UInt8]] = [:]
        for record in records(of: topic) { latest[record.key!] = record.value }
        for (key, value) in latest where key.starts(with: Array("j/".utf8)) {
            guard case .journal(_, let partition, _) = StateKey(key), let count = counts[topic] else { continue }
            var entry: JournalEntry = try JSONCoder.decode(from: value)
            change(&entry)
            append(OutgoingRecord(topic: topic, partition: partition % count, key: key, value: try JSONCoder.bytes(entry)))
        }
    }

    /// What a new owner reads first.
    func restoration(
        of partition: TopicPartition, assignment: UInt64, cut: LogCut? = nil, bot: any Bot, decoder: RecordDecoder, window: Int64
    ) -> Restoration {
        let beginning = Beginning(committed[partition], Watermarks(low: 0, high: end(of: partition)), cut: cut, window: window)
        let isAsked = committed[partition] != nil || cut != nil || partition.topic == ScheduleFired.type.name
        let commit = isAsked ? beginning.commit : nil
        let remembered = isAsked ? beginning.remembered : CommittedOffset(offset: 0)
        var latest: [[UInt8]: [UInt8]?] = [:]
        let topic = decoder.codec.topics.state
        if let count = counts[topic] {
            for record in partitions[TopicPartition(topic, partition.partition % count)]! { latest[record.key!] = .some(record.value) }
        }
        let ticksEnd = partition.topic == ScheduleFired.type.name ? end(of: partition) : 0
        let finished = FinishedHistory(remembered, window: 2 * window, ticksEnd: ticksEnd)
        var history = Remembered()
        for record in partitions[partition]! where (finished.start..<finished.end).contains(record.offset) {
            history.take(record, finished, decoder, atMost: Int(2 * window))
        }
        return Restoration(
            topicPartition: partition, assignment: assignment, committed: commit, forgetFrom: beginning.forgetFrom, putTo: beginning.putTo,
            cut: cut,
            history: history,
            state: RestoredState(
                latest.compactMap { key, value in
                    guard let key = StateKey(key), let value else { return nil }
                    return (key: key, value: value)
                }, of: partition, isInbox: partition.topic == decoder.codec.topics.inbox, bot: bot))
    }
}
