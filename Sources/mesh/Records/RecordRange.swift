import Envelopes
import Kafka
import Terminal

/// The offsets of one partition that are meant: from `start` up to, not including, `end`.
struct RecordRange: Equatable {
    var start: Int64
    var end: Int64

    var isEmpty: Bool { start >= end }

    /// What two places mean in a log between `marks`. `times` tells the first offset at a time or later; nil where there is none.
    static func between(_ from: Place, _ to: Place, _ marks: Watermarks, times: (Timestamp) -> Int64?) -> RecordRange {
        func offset(_ place: Place) -> Int64 {
            switch place {
            case .beginning: marks.low
            case .end: marks.high
            case .offset(let offset): min(max(offset, marks.low), marks.high)
            case .time(let time): min(max(times(time) ?? marks.high, marks.low), marks.high)
            }
        }
        return RecordRange(start: offset(from), end: offset(to))
    }

    /// Throws where nothing can lie between the places, so that one of them is a mistake.
    static func check(_ from: Place, _ to: Place) throws(UsageError) {
        let isPossible =
            switch (from, to) {
            case (.end, _), (_, .beginning): false
            case (.time(let from), .time(let to)): from < to
            case (.offset(let from), .offset(let to)): from < to
            default: true
            }
        if !isPossible { throw UsageError("nothing lies between --from and --to: --from must be the earlier one") }
    }

    /// What the places mean in each partition, as the brokers answer now.
    static func resolve(
        _ partitions: [TopicPartition], from: Place, to: Place, _ consumer: Consumer
    ) throws(KafkaError) -> [TopicPartition: RecordRange] {
        var times: [Timestamp: [TopicPartition: Int64?]] = [:]
        for case .time(let time) in [from, to] where times[time] == nil {
            let asked = Dictionary(uniqueKeysWithValues: partitions.map { ($0, time.milliseconds) })
            times[time] = try consumer.offsets(forTime: asked)
        }
        var ranges: [TopicPartition: RecordRange] = [:]
        let known = try consumer.watermarks(of: partitions)
        for partition in partitions {
            // One that was left out is asked for by itself, which tells why.
            let marks = if let marks = known[partition] { marks } else { try consumer.watermarks(of: partition) }
            ranges[partition] = between(from, to, marks) { times[$0]?[partition] ?? nil }
        }
        return ranges
    }
}

/// The partitions of a broker's topics.
struct TopicMap {
    let partitions: [String: Int32]

    init(partitions: [String: Int32]) { self.partitions = partitions }

    init(_ settings: ClientSettings) throws {
        let admin = try AdminClient(settings)
        defer { admin.close(timeout: .seconds(2)) }
        self.init(try admin.metadata(timeout: .seconds(10)))
    }

    init(_ metadata: ClusterMetadata) {
        partitions = metadata.topics.filter { !$0.value.partitions.isEmpty }.mapValues { Int32($0.partitions.count) }
    }

    var names: [String] { partitions.keys.sorted() }

    func partitions(of topics: some Sequence<String>) -> [TopicPartition] {
        topics.flatMap { topic in (0..<(partitions[topic] ?? 0)).map { TopicPartition(topic, $0) } }
    }

    /// Throws a `UsageError` that names the nearest topic where there is no `topic`.
    func require(_ topic: String) throws(UsageError) {
        guard partitions[topic] == nil else { return }
        throw UsageError.unknown("topic", topic, among: names)
    }
}
