import Envelopes
import Kafka

/// The last value of each key of a small compacted topic (`mesh.instances`, `mesh.control`), kept up to date.
///
/// Confined to the thread that made it. Joins no group.
final class LastRecords<Value: Decodable> {
    private(set) var values: [String: Value] = [:]
    /// Records that could not be read; they are left out.
    private(set) var unreadable = 0
    private let consumer: Consumer
    private let topic: String
    private let partitions: [TopicPartition]

    /// More keys than that are no mesh's; what comes beyond them is left out.
    private static var maximumKeys: Int { 20_000 }

    /// Begins at the topic's start. A `CommandFailure` when the broker lacks it.
    init(_ settings: ClientSettings, topic: String) throws {
        self.topic = topic
        let admin = try AdminClient(settings, observer: .quiet)
        defer { admin.close(timeout: .seconds(1)) }
        let known = try admin.metadata(timeout: .seconds(10)).topics[topic]?.partitions ?? []
        guard !known.isEmpty else {
            throw CommandFailure(
                "\(settings.bootstrapServers) has no topic \(topic): no mesh has run there. Make its topics: mesh topics apply")
        }
        partitions = known.map { TopicPartition(topic, $0.id) }
        consumer = try Consumer(settings, group: .none(reportsPartitionEnd: true), observer: .quiet)
        try consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, .beginning) }))
    }

    /// Reads all that stands there now.
    func catchUp(timeout: Duration = .seconds(60)) throws {
        var ends: [TopicPartition: Int64] = [:]
        for partition in partitions {
            let marks = try consumer.watermarks(of: partition)
            if let position = try consumer.position(of: partition), position >= marks.high { continue }
            if marks.high > marks.low { ends[partition] = marks.high }
        }
        let deadline = ContinuousClock.now.advanced(by: timeout)
        while !ends.isEmpty {
            guard ContinuousClock.now < deadline else { throw KafkaError.timedOut("reading \(topic)", after: timeout) }
            switch consumer.poll(timeout: .milliseconds(200)) {
            case .record(let record):
                take(record)
                if let end = ends[record.topicPartition], record.offset + 1 >= end { ends[record.topicPartition] = nil }
            case .partitionEnd(let partition, _): ends[partition] = nil
            case .error(let error): if error.isFatal { throw error }
            case nil: break
            }
        }
    }

    /// Takes in what comes; returns with the first record and all that came with it, or after `timeout`. Whether there was any.
    @discardableResult
    func follow(timeout: Duration) throws -> Bool {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        var hasNews = false
        while true {
            let left: Duration = hasNews ? .zero : max(.zero, ContinuousClock.now.duration(to: deadline))
            switch consumer.poll(timeout: left) {
            case .record(let record):
                take(record)
                hasNews = true
            case .error(let error): if error.isFatal { throw error }
            case .partitionEnd: break
            case nil: if hasNews || ContinuousClock.now >= deadline { return hasNews }
            }
            if hasNews, ContinuousClock.now >= deadline { return true }
        }
    }

    func close() { _ = consumer.close(timeout: .seconds(2)) }

    private func take(_ record: Record) {
        guard let key = record.key.flatMap({ String(validating: $0, as: UTF8.self) }) else {
            unreadable += 1
            return
        }
        guard let value = record.value else {
            values[key] = nil
            return
        }
        do {
            let decoded = try JSONCoder.decode(Value.self, from: value)
            if values[key] != nil || values.count < Self.maximumKeys { values[key] = decoded }
        } catch {
            unreadable += 1
        }
    }
}
