import Envelopes
import Kafka

/// What stands in a record, as far as it can be read.
enum RecordContent {
    case envelope(Envelope)
    /// JSON of the mesh's own topics, which are no envelopes.
    case plain(JSONValue)
    /// A null value.
    case null
    /// No envelope, although it should be one.
    case unreadable(code: String, message: String)

    private static let codec = EnvelopeCodec()

    static func of(_ record: Record) -> RecordContent {
        guard let value = record.value else { return .null }
        let topic = record.topic
        let isOwn = OwnTopic.isOwn(topic)
        let keepsEvents = isOwn && OwnTopic.keepsEvents(topic)
        if isOwn, !keepsEvents {
            guard let json = try? JSONValue.parse(value) else { return .unreadable(code: "not-json", message: "the value is not JSON") }
            return .plain(json)
        }
        let origin = keepsEvents ? RecordOrigin(record) : nil
        let place = origin ?? RecordOrigin(of: record)
        // What a person put on such a topic by hand says itself what it is.
        let expected: EnvelopeCodec.ExpectedType = origin == nil && keepsEvents ? .any : .topic
        do throws(DecodeError) {
            return try record.headers.withBytes { (bytes) throws(DecodeError) in
                var headers = HeaderFields()
                bytes.giveEach { headers.take($0, $1) }
                return .envelope(
                    try codec.decode(
                        value: value, headers: headers, topic: place.topic, partition: place.partition, offset: place.offset,
                        timestamp: place.timestamp, expecting: expected))
            }
        } catch {
            return .unreadable(code: error.code.rawValue, message: error.reason)
        }
    }

    var envelope: Envelope? { if case .envelope(let envelope) = self { envelope } else { nil } }
}

/// Where a record lay first.
struct RecordOrigin: Hashable {
    let topic: String
    let partition: Int32
    let offset: Int64
    let timestamp: Timestamp?

    /// The record's own place.
    init(of record: Record) {
        topic = record.topic
        partition = record.partition
        offset = record.offset
        timestamp = record.timestamp.kind == .none ? nil : Timestamp(milliseconds: record.timestamp.milliseconds)
    }

    /// What the headers of a dead letter, or of a record of a bot's own topics, say; nil where they do not.
    init?(_ record: Record) {
        guard let topic = record.text("kafka_dlt-original-topic"),
            let partition = record.text("kafka_dlt-original-partition").flatMap({ Int32($0) }), partition >= 0,
            let offset = record.text("kafka_dlt-original-offset").flatMap({ Int64($0) }), offset >= 0
        else { return nil }
        self.topic = topic
        self.partition = partition
        self.offset = offset
        let milliseconds = record.text("kafka_dlt-original-timestamp").flatMap { Int64($0) } ?? -1
        timestamp = milliseconds < 0 ? nil : Timestamp(milliseconds: milliseconds)
    }
}

extension Record {
    /// The last header of that name, as text.
    func text(_ name: String) -> String? { headers.last { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) } }
}

extension TopicPartition {
    /// `build.completed[3]@10482`.
    func at(_ offset: Int64) -> String { "\(topic)[\(partition)]@\(offset)" }
}
