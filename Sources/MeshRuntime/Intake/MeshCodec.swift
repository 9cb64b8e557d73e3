import BotKit
import Envelopes
import Kafka

/// Records to envelopes and back, by `EnvelopeCodec`. Versions and payloads are checked by the catalogue. Rejections are permanent and name the reason for
/// `mesh_error_code`. A class, since it is handed on often.
final class MeshCodec: Sendable {
    private let codec: EnvelopeCodec
    private let rules: [String: PayloadRules]
    let topics: TopicNames

    init(catalogue: EventCatalogue, topics: TopicNames, limits: EnvelopeLimits = EnvelopeLimits()) {
        codec = EnvelopeCodec(limits: limits)
        var rules: [String: PayloadRules] = [:]
        for type in catalogue.types {
            guard let definition = catalogue[type] else { continue }
            rules[type.name] = PayloadRules(definition)
        }
        self.rules = rules
        self.topics = topics
    }

    /// What the topic of that name is to the bot.
    func topic(_ name: String) -> InputTopic {
        let isRetry = name == topics.retry
        let isOwn = isRetry || name == topics.inbox
        return InputTopic(name: name, isRetry: isRetry, isOwn: isOwn, rules: isOwn ? nil : rules[name])
    }

    /// Reads a record of an event topic, and checks type, version and payload against the catalogue.
    func decode(_ record: Record) throws(Rejection) -> Envelope {
        let topic = topic(record.topic)
        return try decode(record, Carried.of(record, topic), of: topic)
    }

    /// The same of a record that carries what is named here, as it was at its origin; `topic`: that it lies in.
    func decode(_ record: Record, _ carried: Carried?, of topic: InputTopic) throws(Rejection) -> Envelope {
        guard let passport = carried?.passport else {
            return try decode(
                record.value, record.headers, of: topic, partition: record.partition, offset: record.offset, timestamp: record.timestamp)
        }
        let origin = passport.origin
        return try decode(
            record.value, passport.headers, of: origin.topic == topic.name ? topic : self.topic(origin.topic), partition: origin.partition,
            offset: origin.offset, timestamp: origin.timestamp)
    }

    private func decode(
        _ value: [UInt8]?, _ headers: Headers, of topic: InputTopic, partition: Int32, offset: Int64, timestamp: RecordTimestamp
    ) throws(Rejection) -> Envelope {
        do throws(DecodeError) {
            return try headers.withBytes { (bytes) throws(DecodeError) in
                var headers = HeaderFields()
                bytes.giveEach { headers.take($0, $1) }
                return try codec.decode(
                    value: value, headers: headers, topic: topic.name, partition: partition, offset: offset,
                    timestamp: timestamp.kind == .none ? nil : Timestamp(milliseconds: timestamp.milliseconds),
                    expecting: topic.isOwn ? .any : .topic, rules: topic.rules)
            }
        } catch {
            throw .permanent(error.code.rawValue, error.description)
        }
    }

    /// What payloads of this type are checked against; nil where the catalogue does not have it.
    func rules(of type: EventType) -> PayloadRules? { rules[type.name] }

    /// An event of the bot's as it goes out; throws where its value is larger than what a bot reads.
    func outgoing(
        _ envelope: Envelope, key: String?, partition: Int32? = nil, marks: Headers = Headers(), isAside: Bool = false
    ) throws(Rejection) -> OutgoingEvent {
        let event = OutgoingEvent(envelope, key: key, partition: partition, marks: marks, isAside: isAside)
        // Written only where it might be too large.
        guard event.mostBytes > codec.limits.maximumBytes else { return event }
        let bytes = codec.withValue(of: envelope) { $0.count }
        guard bytes <= codec.limits.maximumBytes else {
            let sizes = "\(bytes) bytes, the largest envelope has \(codec.limits.maximumBytes)"
            throw .permanent("output-too-large", "a \(envelope.type) of \(sizes)")
        }
        return event
    }

    func payload(of envelope: Envelope) throws(Rejection) -> JSONValue {
        do { return try JSONValue.parse(envelope.payload) } catch { throw .permanent("invalid-payload", error.description) }
    }
}
