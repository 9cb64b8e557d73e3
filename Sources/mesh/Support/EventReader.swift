import Envelopes
import Kafka

/// Reads event topics without a group: nothing that it does moves anybody's offsets.
///
/// Confined to the thread that made it.
final class EventReader {
    private let consumer: Consumer
    private let codec = EnvelopeCodec()

    /// One event that was read.
    struct Entry {
        let envelope: Envelope
        let key: String?
        let partition: TopicPartition
        let offset: Int64
        let payload: JSONValue

        /// A text field of the payload.
        func text(_ field: String) -> String? { payload[field]?.string }
    }

    /// Reads `topics` from `start`. Topics that the broker lacks are left out.
    init(settings: ClientSettings, topics: Set<String>, from start: StartOffset) throws {
        consumer = try Consumer(settings, group: .none())
        let admin = try AdminClient(settings)
        defer { admin.close() }
        var partitions: [TopicPartition: StartOffset] = [:]
        for (_, topic) in try admin.metadata(timeout: .seconds(10)).topics where topics.contains(topic.name) {
            for partition in topic.partitions { partitions[TopicPartition(topic: topic.name, partition: partition.id)] = start }
        }
        // "The end" is looked up here and now: left to the client it would be wherever the end is when it gets there.
        if start == .end {
            for partition in partitions.keys { partitions[partition] = .at(try admin.watermarks(of: partition).high) }
        }
        try consumer.assign(partitions)
    }

    /// Everything that stands in `topics` now, in order of time.
    static func all(of topics: Set<String>, _ settings: ClientSettings) throws -> [Entry] {
        let reader = try EventReader(settings: settings, topics: topics, from: .beginning)
        defer { reader.close() }
        return try reader.all()
    }

    /// The next event within `timeout`; nil when there is none. Records that are no envelopes are passed over: `mesh.dlq` has them.
    func next(timeout: Duration) throws -> Entry? {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        while true {
            let left = max(.zero, ContinuousClock.now.duration(to: deadline))
            switch consumer.poll(timeout: left) {
            case .record(let record): if let entry = decode(record) { return entry }
            case .error(let error) where error.isFatal: throw error
            case .error, .partitionEnd: break
            case nil: if ContinuousClock.now >= deadline { return nil }
            }
        }
    }

    func close() { _ = consumer.close(timeout: .seconds(2)) }

    private func all() throws -> [Entry] {
        var ends: [TopicPartition: Int64] = [:]
        for partition in try consumer.assignment {
            let marks = try consumer.watermarks(of: partition)
            if marks.high > marks.low { ends[partition] = marks.high }
        }
        var entries: [Entry] = []
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        while !ends.isEmpty {
            guard ContinuousClock.now < deadline else {
                throw CommandFailure("Kafka did not give all of \(ends.keys.map(\.topic).sorted().joined(separator: ", ")) within 60 s")
            }
            if let entry = try next(timeout: .milliseconds(100)) { entries.append(entry) }
            for (partition, end) in ends {
                if let position = try consumer.position(of: partition), position >= end { ends[partition] = nil }
            }
        }
        return entries.sorted { ($0.envelope.timestamp, $0.offset) < ($1.envelope.timestamp, $1.offset) }
    }

    private func decode(_ record: Record) -> Entry? {
        let headers = record.headers.map { EnvelopeHeader($0.name, $0.value) }
        let place = record.topicPartition
        let timestamp = record.timestamp.kind == .none ? nil : Timestamp(milliseconds: record.timestamp.milliseconds)
        guard
            let envelope = try? codec.decode(
                value: record.value, headers: headers, topic: place.topic, partition: place.partition, offset: record.offset,
                timestamp: timestamp),
            let payload = try? JSONValue.parse(envelope.payload)
        else { return nil }
        return Entry(
            envelope: envelope, key: record.key.flatMap { String(validating: $0, as: UTF8.self) }, partition: place,
            offset: record.offset, payload: payload)
    }
}
