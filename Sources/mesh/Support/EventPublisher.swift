import Envelopes
import Kafka

/// Writes a person's event, and waits until the broker has it.
struct EventPublisher {
    let settings: ClientSettings
    /// Who speaks: the `source` of the envelopes.
    static let source = "mesh"

    /// Publishes `payload` as the first event of a run, or as part of the run `correlationID`; a person's decision also stands in `mesh.audit`. Gives
    /// the envelope that was written.
    @discardableResult
    func publish(
        _ payload: some EventPayload, correlationID: String? = nil, decision: Decision? = nil, now: Timestamp = .now
    ) throws -> Envelope {
        var random = SystemRandomNumberGenerator()
        let envelope = Envelope(
            id: EventID(random: &random), timestamp: now, source: Self.source, type: type(of: payload).type,
            version: type(of: payload).version,
            payload: try payload.jsonBytes(), correlationID: correlationID)
        try send(envelope, key: payload.key, decision: decision)
        return envelope
    }

    /// Writes the envelope, and gives where the broker has put it.
    @discardableResult
    func send(_ envelope: Envelope, key: String?, decision: Decision? = nil) throws -> Delivery {
        let encoded = EnvelopeCodec().encode(envelope)
        let producer = try Producer(settings)
        defer { producer.close(timeout: .seconds(5)) }
        let record = OutgoingRecord(
            topic: envelope.type.name, key: key.map { Array($0.utf8) }, value: encoded.value,
            headers: Headers(encoded.headers.map { Header($0.name, $0.value) }))
        var audit = decision.map { PersonAudit(person: $0.person, settings) }
        func said(_ refusal: String?) throws -> [OutgoingRecord] {
            guard let decision else { return [] }
            let said = try audit?.record(
                action: envelope.type.name, subject: decision.subject, refusal: refusal, correlationID: envelope.correlationID,
                at: refusal == nil ? envelope.timestamp : .now)
            return said.map { [$0] } ?? []
        }
        let deliveries = try AuditedWrite.send([record], audit: said(nil), producer, refusal: said)
        guard let delivery = deliveries.first else {
            throw CommandFailure("Kafka did not tell what became of the record; look with: mesh tail")
        }
        return delivery
    }
}

/// Who decided, and about what: what the audit keeps of a person's command.
struct Decision {
    let person: String
    /// The id or name that the person gave.
    let subject: String
}
