import Envelopes
import Kafka

/// Counts, in what was written while a run went on, the events that some bots have written twice, and their dead letters. Confined to its thread.
struct RepeatCount {
    private(set) var events = 0
    /// Further records with the id of an event that stands there already.
    private(set) var repeats = 0
    private(set) var deadLetters = 0
    /// Whether there was more than could be counted, or partitions without a leader whose ends nobody could tell.
    private(set) var isCut = false
    private static let maximumEvents = 2_000_000
    private static let deadLetterTopic = "mesh.dlq"

    /// Nothing was written.
    init() {}

    /// Where topics end at one moment.
    struct Marks: Equatable {
        /// All that there were.
        var partitions: Set<TopicPartition>
        /// Without those that had no leader.
        var ends: [TopicPartition: Int64]

        /// The offsets between two moments; `isWhole` is false where one of the two ends is not known. What has an end now and had none before is left out:
        /// nobody knows how much of it is older. A partition that was made in between began with nothing.
        static func between(_ start: Marks, _ end: Marks) -> (ranges: [TopicPartition: Range<Int64>], isWhole: Bool) {
            let isUnknown = { (partition: TopicPartition) in start.partitions.contains(partition) && start.ends[partition] == nil }
            var ranges: [TopicPartition: Range<Int64>] = [:]
            for (partition, high) in end.ends where !isUnknown(partition) {
                let low = start.ends[partition] ?? 0
                if low < high { ranges[partition] = low..<high }
            }
            return (ranges, !end.partitions.contains { isUnknown($0) || end.ends[$0] == nil })
        }
    }

    /// Where all event topics and dead letters end now for whoever reads only what is committed.
    static func marks(_ settings: ClientSettings) throws -> Marks {
        let admin = try AdminClient(settings, observer: .quiet)
        defer { admin.close(timeout: .seconds(1)) }
        let partitions = try admin.metadata(timeout: .seconds(10)).topics.values
            .filter { TopEvents.isEvent($0.name) || $0.name == deadLetterTopic }
            .flatMap { topic in topic.partitions.map { TopicPartition(topic.name, $0.id) } }
        let consumer = try Consumer(settings, group: .none(), observer: .quiet)
        defer { _ = consumer.close(timeout: .seconds(1)) }
        return Marks(partitions: Set(partitions), ends: try consumer.watermarks(of: partitions).mapValues(\.high))
    }

    /// Reads what lies between two sets of marks, as whoever reads only what is committed sees it.
    init(_ settings: ClientSettings, bots: Set<String>, from start: Marks, to end: Marks) throws {
        let consumer = try Consumer(settings, group: .none(reportsPartitionEnd: true), observer: .quiet)
        defer { _ = consumer.close(timeout: .seconds(2)) }
        let (ranges, isWhole) = Marks.between(start, end)
        isCut = !isWhole
        var open = Set(ranges.keys)
        try consumer.assign(ranges.mapValues { .at($0.lowerBound) })
        var seen: Set<EventID> = []
        let codec = EnvelopeCodec()
        let deadline = ContinuousClock.now.advanced(by: .seconds(120))
        while !open.isEmpty {
            guard ContinuousClock.now < deadline, seen.count < Self.maximumEvents else {
                isCut = true
                return
            }
            switch consumer.poll(timeout: .milliseconds(200)) {
            case .record(let record):
                guard let range = ranges[record.topicPartition] else { continue }
                if record.offset + 1 >= range.upperBound { open.remove(record.topicPartition) }
                if range.contains(record.offset) { take(record, bots, codec, &seen) }
            // A transaction that is open hides what is behind it; the end that can be read counts.
            case .partitionEnd(let partition, _): open.remove(partition)
            case .error(let error): if error.isFatal { throw error }
            case nil: break
            }
        }
    }

    private mutating func take(_ record: Record, _ bots: Set<String>, _ codec: EnvelopeCodec, _ seen: inout Set<EventID>) {
        if record.topic == Self.deadLetterTopic {
            let bot = record.headers.last { $0.name == "mesh_bot" }?.value.map { String(decoding: $0, as: UTF8.self) }
            if bot.map(bots.contains) ?? false { deadLetters += 1 }
            return
        }
        let headers = record.headers.map { EnvelopeHeader($0.name, $0.value) }
        guard
            let envelope = try? codec.decode(
                value: record.value, headers: headers, topic: record.topic, partition: record.partition, offset: record.offset,
                timestamp: Timestamp(milliseconds: record.timestamp.milliseconds)), bots.contains(envelope.source)
        else { return }
        events += 1
        if !seen.insert(envelope.id).inserted { repeats += 1 }
    }
}
