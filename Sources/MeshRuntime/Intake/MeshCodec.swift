import BotKit
import Envelopes
import Kafka

/// The codec of the mesh: envelopes by `EnvelopeCodec`, versions and payloads by the catalogue.
struct MeshCodec: RecordCodec {
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

    func check(_ envelope: Envelope) throws(Rejection) {
        guard let violations = rules[envelope.type.name]?.violations(in: envelope.payload) else { return }
        guard violations.isEmpty else {
            throw .permanent("invalid-payload", violations.prefix(3).map(\.description).joined(separator: "; "))
        }
    }

    func encode(_ envelope: Envelope, key: String?) throws(Rejection) -> OutgoingRecord {
        var headers = Headers()
        headers.reserve(bytes: 256)
        let value = codec.encode(envelope) { headers.append($0, $1) }
        guard value.count <= codec.limits.maximumBytes else {
            let sizes = "\(value.count) bytes, the largest envelope has \(codec.limits.maximumBytes)"
            throw .permanent("output-too-large", "a \(envelope.type) of \(sizes)")
        }
        return OutgoingRecord(
            topic: envelope.type.name, key: key.map { Array($0.utf8) }, value: value, headers: headers)
    }

    func payload(of envelope: Envelope) throws(Rejection) -> JSONValue {
        do { return try JSONValue.parse(envelope.payload) } catch { throw .permanent("invalid-payload", error.description) }
    }
}
