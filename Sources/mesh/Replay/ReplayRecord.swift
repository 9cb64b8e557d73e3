import Envelopes
import Kafka

extension ReplayHeader {
    private static let own: Set<String> = [replay, origin, timestamp, calls]
    /// What only means something on a bot's own topics; there it would be believed.
    private static let foreign: Set = [
        RecordHeader.attempts, RecordHeader.firstFailure, RecordHeader.notBefore, RecordHeader.produced, RecordHeader.reminder,
        RecordHeader.reminderID, RecordHeader.reminderAfter, RecordHeader.aggregate, RecordHeader.priority, RecordHeader.overtaken,
        RecordHeader.key, RecordHeader.keyIsNull,
    ]

    static func isKept(_ name: String) -> Bool { !own.contains(name) && !foreign.contains(name) }
}

/// Where replayed records go.
enum ReplayTarget: Equatable {
    /// Each to the topic that it was read from.
    case origin
    case topic(String)
    /// To the bot's retry topic, which nobody else reads.
    case bot(String)

    func topic(of record: Record) -> String {
        switch self {
        case .origin: record.topic
        case .topic(let name): name
        case .bot(let name): OwnTopic.retryTopic(of: name)
        }
    }
}

/// Makes the record that is written from the one that was read.
struct ReplayRecord {
    let replay: String
    let target: ReplayTarget
    let allowsCalls: Bool
    /// How many partitions each topic has, of those that are read and of those that are written.
    let partitions: [String: Int32]

    func make(_ record: Record, _ content: RecordContent) -> OutgoingRecord {
        var headers = record.headers.filter { ReplayHeader.isKept($0.name) }
        headers += filledIn(record, content)
        headers += [
            Header(ReplayHeader.replay, text: replay), Header(ReplayHeader.origin, text: record.topicPartition.at(record.offset)),
            Header(ReplayHeader.timestamp, text: String(record.timestamp.milliseconds)),
        ]
        if allowsCalls { headers.append(Header(ReplayHeader.calls, text: "1")) }
        if case .bot(let bot) = target { headers += passport(record, bot) }
        let topic = target.topic(of: record)
        return OutgoingRecord(
            topic: topic, partition: partition(record, in: topic), key: record.key, value: record.value, headers: Headers(headers))
    }

    /// The same partition where the topics have the same number of them; else where the key belongs. One without a key has a place of its own too, so that a
    /// repeat puts it there again.
    private func partition(_ record: Record, in topic: String) -> Int32? {
        let count = max(1, partitions[topic] ?? 1)
        if partitions[record.topic] == count, record.partition < count { return record.partition }
        return record.key == nil ? record.partition % count : nil
    }

    /// What the envelope took from the record's place, so that it reads the same at another.
    private func filledIn(_ record: Record, _ content: RecordContent) -> [Header] {
        guard let envelope = content.envelope else { return [] }
        let place = RecordOrigin(of: record)
        var headers: [Header] = []
        let derived = EventID.derived(topic: place.topic, partition: place.partition, offset: place.offset, timestamp: place.timestamp)
        if envelope.id == derived, record.text("ce_id") == nil { headers.append(Header("ce_id", text: derived.text)) }
        if envelope.timestamp == place.timestamp, record.text("ce_time") == nil {
            headers.append(Header("ce_time", text: envelope.timestamp.text))
        }
        return headers
    }

    /// What the retry topic's reader asks of a record: where it lay first.
    private func passport(_ record: Record, _ bot: String) -> [Header] {
        let kind =
            switch record.timestamp.kind {
            case .created: "CreateTime"
            case .appended: "LogAppendTime"
            case .none: "NoTimestampType"
            }
        let known = Set(record.headers.map(\.name))
        return [
            Header("kafka_dlt-original-topic", text: record.topic), Header("kafka_dlt-original-partition", text: String(record.partition)),
            Header("kafka_dlt-original-offset", text: String(record.offset)),
            Header("kafka_dlt-original-timestamp", text: String(record.timestamp.milliseconds)),
            Header("kafka_dlt-original-timestamp-type", text: kind), Header("kafka_dlt-original-consumer-group", text: bot),
        ].filter { !known.contains($0.name) }
    }
}

/// A replay's id: a UUID of version 7, whose first 48 bits are when the replay began. What came later is not part of it, also when it is resumed.
struct ReplayID: Equatable {
    let text: String
    let began: Timestamp

    init(at now: Timestamp) {
        var random = SystemRandomNumberGenerator()
        text = UniqueID.timeOrdered(at: now, using: &random).text
        began = now
    }

    /// nil for a text that is no such id.
    init?(_ text: String) {
        guard let id = UniqueID(text), id.high >> 12 & 0xf == 7 else { return nil }
        self.text = id.text
        began = Timestamp(milliseconds: Int64(id.high >> 16))
    }
}
