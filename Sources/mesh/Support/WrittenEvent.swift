import Envelopes
import Terminal

/// The JSON form of an event that a person's command has written.
struct WrittenEvent: Encodable {
    let type: String
    let id: String
    let correlationID: String
    let subject: String

    enum CodingKeys: String, CodingKey {
        case type, id, subject
        case correlationID = "correlation_id"
    }

    init(_ envelope: Envelope, subject: String) {
        type = envelope.type.name
        id = envelope.id.text
        correlationID = envelope.correlationID
        self.subject = subject
    }

    /// What definitions say of it.
    static let form = "one object, the event that was written: type, id, correlation_id, subject"
}

extension Output {
    /// Tells what was written: `text` for people.
    func written(_ envelope: Envelope, subject: String, _ text: String) throws {
        if format == .json { try object(WrittenEvent(envelope, subject: subject)) } else { line(text) }
    }
}
