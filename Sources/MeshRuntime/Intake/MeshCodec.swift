import BotKit
import Envelopes
import Kafka

/// The codec of the mesh: envelopes by `EnvelopeCodec`, versions and payloads by the catalogue.
struct MeshCodec: RecordCodec {
    private let codec: EnvelopeCodec
    private let definitions: [String: EventDefinition]
    private let topics: TopicNames

    init(catalogue: EventCatalogue, topics: TopicNames, limits: EnvelopeLimits = EnvelopeLimits()) {
        codec = EnvelopeCodec(limits: limits)
        definitions = Dictionary(uniqueKeysWithValues: catalogue.types.compactMap { type in catalogue[type].map { (type.name, $0) } })
        self.topics = topics
    }

    func decode(_ record: Record, _ passport: Passport) throws(Rejection) -> Envelope {
        let origin = passport.origin
        let isOwn = origin.topic == topics.retry || origin.topic == topics.inbox
        do throws(DecodeError) {
            return try codec.decode(
                value: record.value, headers: passport.headers.map { EnvelopeHeader($0.name, $0.value) }, topic: origin.topic,
                partition: origin.partition, offset: origin.offset,
                timestamp: origin.timestamp.kind == .none ? nil : Timestamp(milliseconds: origin.timestamp.milliseconds),
                expecting: isOwn ? .any : .topic, definition: isOwn ? nil : definitions[origin.topic])
        } catch {
            throw .permanent(error.code.rawValue, error.description)
        }
    }

    func check(_ envelope: Envelope) throws(Rejection) {
        guard let schema = definitions[envelope.type.name]?.schema else { return }
        let violations = schema.validate(envelope.payload)
        guard violations.isEmpty else {
            throw .permanent("invalid-payload", violations.prefix(3).map(\.description).joined(separator: "; "))
        }
    }

    func encode(_ envelope: Envelope, key: String?) throws(Rejection) -> OutgoingRecord {
        let encoded = codec.encode(envelope)
        guard encoded.value.count <= codec.limits.maximumBytes else {
            let sizes = "\(encoded.value.count) bytes, the largest envelope has \(codec.limits.maximumBytes)"
            throw .permanent("output-too-large", "a \(envelope.type) of \(sizes)")
        }
        return OutgoingRecord(
            topic: envelope.type.name, key: key.map { Array($0.utf8) }, value: encoded.value,
            headers: encoded.headers.map { Header($0.name, $0.value) })
    }

    func payload(of envelope: Envelope) throws(Rejection) -> JSONValue {
        do { return try JSONValue.parse(envelope.payload) } catch { throw .permanent("invalid-payload", error.description) }
    }
}
