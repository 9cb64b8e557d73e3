import BotKit
import Envelopes
import Kafka

/// Records to envelopes and back. Rejections are permanent and name the reason for `mesh_error_code`.
protocol RecordCodec: Sendable {
    /// Reads the record as it was at its origin, and checks type, version and payload against the catalogue.
    func decode(_ record: Record, _ passport: Passport) throws(Rejection) -> Envelope
    /// Checks a payload of our own against the catalogue.
    func check(_ envelope: Envelope) throws(Rejection)
    func encode(_ envelope: Envelope, key: String?) throws(Rejection) -> OutgoingRecord
    func payload(of envelope: Envelope) throws(Rejection) -> JSONValue
}
