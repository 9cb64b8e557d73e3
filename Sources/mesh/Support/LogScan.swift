import Kafka
import Terminal

/// Reads all that is committed on some topics at this moment, to an end that is fixed before the first record: what comes later is not seen.
///
/// Without a group: it moves nobody's offsets. Holds nothing but what is fetched ahead. Confined to the thread that made it.
struct LogScan {
    /// The offsets of each partition that are read; the upper bound is where the committed part ended.
    private(set) var ranges: [TopicPartition: Range<Int64>]
    /// The names of all topics that the broker has.
    let topics: Set<String>
    private let settings: ClientSettings
    /// How long nothing may come.
    private let patience: Duration

    /// Fixes the ends. Topics that there are not are left out. `only` narrows it to some partitions.
    init(_ settings: ClientSettings, topics: [String], only: Set<TopicPartition>? = nil, patience: Duration = .seconds(30)) throws {
        self.settings = settings
        self.patience = patience
        ranges = [:]
        let admin = try AdminClient(settings)
        defer { admin.close(timeout: .seconds(2)) }
        let known = try admin.metadata(timeout: .seconds(10)).topics
        self.topics = Set(known.keys)
        let consumer = try Consumer(settings, group: .none())
        defer { consumer.close(timeout: .seconds(2)) }
        for topic in topics {
            for partition in known[topic]?.partitions ?? [] {
                let place = TopicPartition(topic, partition.id)
                guard only?.contains(place) ?? true else { continue }
                let marks = try consumer.watermarks(of: place)
                ranges[place] = marks.low..<max(marks.low, marks.high)
            }
        }
    }

    /// Reads only this part of a partition.
    mutating func narrow(_ partition: TopicPartition, to range: Range<Int64>) {
        guard let whole = ranges[partition] else { return }
        ranges[partition] = range.clamped(to: whole)
    }

    /// How many offsets lie in the ranges: at least as many as there are records.
    var offsets: Int64 { ranges.values.reduce(0) { $0 + Int64($1.count) } }

    /// Calls `body` for each record, each partition in its order; `body` returns false to stop. Throws when Kafka brings nothing although there is more.
    func read(_ body: (Record) throws -> Bool) throws {
        // An end behind a transaction's marker is told with the next answer, for which a broker would wait half a second.
        var settings = settings
        if settings["fetch.wait.max.ms"] == nil { settings["fetch.wait.max.ms"] = "20" }
        let reader = try RecordReader(settings, patience: patience)
        defer { reader.close() }
        try reader.read(ranges.mapValues { RecordRange(start: $0.lowerBound, end: $0.upperBound) })
        while !reader.isAtEnd {
            if case .record(let record)? = try reader.next(timeout: .milliseconds(100)), try !body(record) { return }
        }
    }
}

extension Invocation {
    /// How long a scan waits for Kafka, as `--timeout` says.
    func patience() throws -> Duration { try duration("timeout", in: .seconds(1) ... .seconds(3_600)) ?? .seconds(30) }
}
