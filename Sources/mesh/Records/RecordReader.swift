import Glibc
import Kafka
import Terminal

/// Reads ranges of partitions without a group: nothing that it does moves anybody's offsets. Each partition comes in its order, the partitions side by side.
///
/// Memory is bounded: what is fetched ahead has a limit, and nothing is fetched while nobody asks. Confined to the thread that made it.
final class RecordReader {
    enum Step {
        case record(Record)
        /// Everything of the partition's range has come.
        case ended(TopicPartition)
    }

    let consumer: Consumer
    private var open: [TopicPartition: Int64] = [:]
    /// Ranges that were empty from the start.
    private var empty: [TopicPartition] = []
    /// Since when it is asked and nothing comes; nil when something came.
    private var silentSince: ContinuousClock.Instant?
    private let patience: Duration

    /// Kafka is given up when it brings nothing for `patience`.
    init(_ settings: ClientSettings, patience: Duration = .seconds(30)) throws {
        consumer = try Self.consumer(settings)
        self.patience = patience
    }

    /// A consumer that fetches in small portions, so that many partitions come side by side and little waits in memory: `prefetchKilobytes` of keys and
    /// values over all partitions, and one portion of each.
    static func consumer(_ settings: ClientSettings, prefetchKilobytes: Int32 = 49152) throws -> Consumer {
        var settings = settings
        if settings["fetch.message.max.bytes"] == nil { settings["fetch.message.max.bytes"] = "65536" }
        if settings["queued.min.messages"] == nil { settings["queued.min.messages"] = "100000" }
        // librdkafka waits so long before it fetches again once these limits were reached.
        if settings["fetch.error.backoff.ms"] == nil { settings["fetch.error.backoff.ms"] = "20" }
        var group = GroupSettings.none(reportsPartitionEnd: true)
        group.prefetchKilobytes = prefetchKilobytes
        return try Consumer(settings, group: group)
    }

    var isAtEnd: Bool { open.isEmpty && empty.isEmpty }

    func read(_ ranges: [TopicPartition: RecordRange]) throws(KafkaError) {
        let wanted = ranges.filter { !$0.value.isEmpty }
        open = wanted.mapValues(\.end)
        empty = ranges.filter { $0.value.isEmpty }.map(\.key)
        try consumer.assign(wanted.mapValues { .at($0.start) })
        silentSince = nil
    }

    /// The next step within `timeout`; nil when there is none. Throws when Kafka brings nothing for `patience` although there is more.
    func next(timeout: Duration) throws -> Step? {
        if let partition = empty.popLast() { return .ended(partition) }
        guard !open.isEmpty else { return nil }
        let start = ContinuousClock.now
        let deadline = start.advanced(by: timeout)
        repeat {
            switch consumer.poll(timeout: max(.zero, ContinuousClock.now.duration(to: deadline))) {
            case .record(let record):
                silentSince = nil
                guard let end = open[record.topicPartition] else { continue }
                if record.offset >= end { return try finish(record.topicPartition) }
                // The last one ends the partition with the next call: by the end's own message, or by what lies behind the range.
                if record.offset == end - 1 {
                    open[record.topicPartition] = nil
                    try consumer.pause([record.topicPartition])
                    empty.append(record.topicPartition)
                }
                return .record(record)
            case .partitionEnd(let partition, let offset):
                silentSince = nil
                if let end = open[partition], offset >= end { return try finish(partition) }
            case .error(let error) where error.endsReading: throw error
            case .error, nil: break
            }
        } while ContinuousClock.now < deadline
        let since = silentSince ?? start
        silentSince = since
        if since.duration(to: .now) > patience {
            let names = open.keys.sorted().prefix(3).map(\.description).joined(separator: ", ")
            throw NoBroker(
                description:
                    "Kafka brought nothing of \(names) for \(patience), although there is more. Is every broker up? See: mesh doctor")
        }
        return nil
    }

    private func finish(_ partition: TopicPartition) throws(KafkaError) -> Step {
        open[partition] = nil
        try consumer.pause([partition])
        return .ended(partition)
    }

    func close() { _ = consumer.close(timeout: .seconds(2)) }
}

/// The monotonic clock, in milliseconds.
enum Uptime {
    static var milliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
