import Envelopes
import Kafka

/// Writes a person's event, and waits until the broker has it.
struct EventPublisher {
    let settings: ClientSettings
    /// Who speaks: the `source` of the envelopes.
    static let source = "mesh"

    /// Publishes `payload` as the first event of a run, or as part of the run `correlationID`. Gives the envelope that was written.
    @discardableResult
    func publish(_ payload: some EventPayload, correlationID: String? = nil, now: Timestamp = .now) throws -> Envelope {
        var random = SystemRandomNumberGenerator()
        let envelope = Envelope(
            id: EventID(random: &random), timestamp: now, source: Self.source, type: type(of: payload).type,
            version: type(of: payload).version,
            payload: try payload.jsonBytes(), correlationID: correlationID)
        let encoded = EnvelopeCodec().encode(envelope)
        let producer = try Producer(settings)
        defer { producer.close(timeout: .seconds(5)) }
        let record = OutgoingRecord(
            topic: envelope.type.name, key: payload.key.map { Array($0.utf8) }, value: encoded.value,
            headers: encoded.headers.map { Header($0.name, $0.value) })
        for delivery in try producer.sendAndWait([record], timeout: .seconds(15)) {
            if let error = delivery.error { throw error }
        }
        return envelope
    }
}
