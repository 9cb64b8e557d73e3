import Envelopes
import Kafka
import Synchronization

/// Everything that stands on some topics, as a reader of committed records sees it, from their beginning on.
final class LogFollower: Sendable {
    /// A record that is an envelope.
    struct Event: Sendable {
        let envelope: Envelope
        let payload: JSONValue
        let record: Record

        func text(_ field: String) -> String? { payload[field]?.string }
    }

    private struct State {
        var records: [Record] = []
        var isStopped = false
        var failure: KafkaError?
    }
    private let state = Mutex(State())

    /// Follows those of `topics` that exist.
    init(_ settings: ClientSettings, topics: Set<String>) {
        DedicatedThread.start(name: "follower") { [self] in
            do {
                let consumer = try Consumer(settings, group: .none())
                defer { _ = consumer.close(timeout: .seconds(2)) }
                try follow(consumer, settings, topics)
            } catch {
                state.withLock { $0.failure = error as? KafkaError ?? KafkaError(code: -1, name: "follower", message: "\(error)") }
            }
        }
    }

    private func follow(_ consumer: Consumer, _ settings: ClientSettings, _ topics: Set<String>) throws {
        let admin = try AdminClient(settings)
        defer { admin.close() }
        var partitions: [TopicPartition: StartOffset] = [:]
        for (name, topic) in try admin.metadata().topics where topics.contains(name) {
            for partition in topic.partitions { partitions[TopicPartition(topic: name, partition: partition.id)] = .beginning }
        }
        try consumer.assign(partitions)
        while !state.withLock({ $0.isStopped }) {
            switch consumer.poll(timeout: .milliseconds(100)) {
            case .record(let record): state.withLock { $0.records.append(record) }
            case .error(let error) where error.isFatal: throw error
            default: break
            }
        }
    }

    func stop() { state.withLock { $0.isStopped = true } }

    /// The records of one topic so far. Throws when nothing can be read any more.
    func records(of topic: String) throws -> [Record] {
        let (records, failure) = state.withLock { ($0.records, $0.failure) }
        if let failure { throw failure }
        return records.filter { $0.topicPartition.topic == topic }
    }

    /// The events of one type so far.
    func events(of type: EventType) throws -> [Event] {
        try records(of: type.name).compactMap { record in
            let headers = record.headers.map { EnvelopeHeader($0.name, $0.value) }
            guard
                let envelope = try? EnvelopeCodec().decode(
                    value: record.value, headers: headers, topic: record.topicPartition.topic, partition: record.topicPartition.partition,
                    offset: record.offset, timestamp: Timestamp(milliseconds: record.timestamp.milliseconds)),
                let payload = try? JSONValue.parse(envelope.payload)
            else { return nil }
            return Event(envelope: envelope, payload: payload, record: record)
        }
    }
}
