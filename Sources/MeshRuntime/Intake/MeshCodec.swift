import BotKit
import Envelopes
import Kafka

/// Records to envelopes and back, by `EnvelopeCodec`. Versions and payloads are checked by the catalogue. Rejections are permanent and name the reason for
/// `mesh_error_code`. A class, since it is handed on often.
final class MeshCodec: Sendable {
    private let codec: EnvelopeCodec
    private let rules: [String: PayloadRules]
    private let topics: TopicNames

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

    /// Reads the record as it was at its origin, and checks type, version and payload against the catalogue.
    func decode(_ record: Record, _ passport: Passport) throws(Rejection) -> Envelope {
        let origin = passport.origin
        let isOwn = origin.topic == topics.retry || origin.topic == topics.inbox
        do throws(DecodeError) {
            return try passport.headers.withBytes { (bytes) throws(DecodeError) in
                var headers = HeaderFields()
                bytes.giveEach { headers.take($0, $1) }
                return try codec.decode(
                    value: record.value, headers: headers, topic: origin.topic, partition: origin.partition, offset: origin.offset,
                    timestamp: origin.timestamp.kind == .none ? nil : Timestamp(milliseconds: origin.timestamp.milliseconds),
                    expecting: isOwn ? .any : .topic, rules: isOwn ? nil : rules[origin.topic])
            }
        } catch {
            throw .permanent(error.code.rawValue, error.description)
        }
    }

    /// What payloads of this type are checked against; nil where the catalogue does not have it.
    func rules(of type: EventType) -> PayloadRules? { rules[type.name] }

    /// An event of the bot's as it goes out; throws where its value is larger than what a bot reads.
    func outgoing(_ envelope: Envelope, key: String?, partition: Int32? = nil, marks: Headers = Headers()) throws(Rejection)
        -> OutgoingEvent
    {
        let event = OutgoingEvent(envelope, key: key, partition: partition, marks: marks)
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
