import Envelopes

/// What deduplication knows an input by: the id of its event, or of its reminder, and the replay that it belongs to. 128 bits, so that remembering many
/// costs little.
struct Identity: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    init(_ envelope: borrowing Envelope, _ passport: borrowing Passport) {
        if let reminder = passport.reminder {
            self.init(id: reminder.id, replay: envelope.replay)
        } else {
            self.init(envelope.id, replay: envelope.replay)
        }
    }

    init(id: String, replay: String? = nil) { self.init(EventID(id), text: id, replay: replay) }

    init(_ id: EventID, replay: String? = nil) { self.init(id, text: id.text, replay: replay) }

    /// A UUID in lower case stands for itself; any other text for the UUID that is derived from it.
    private init(_ id: EventID?, text: @autoclosure () -> String, replay: String?) {
        let number = (replay == nil ? id?.unique : nil) ?? UUIDv5.derive(["identity", text()] + (replay.map { [$0] } ?? []))
        high = number.high
        low = number.low
    }

    func hash(into hasher: inout Hasher) { hasher.combine(high ^ low) }
}
