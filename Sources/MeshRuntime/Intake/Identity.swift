import Envelopes

/// What deduplication knows an input by: the id of its event, or of its reminder, and the replay that it belongs to. 128 bits, so that remembering many
/// costs little.
struct Identity: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    init(_ envelope: Envelope, _ passport: Passport) { self.init(id: passport.reminder?.id ?? envelope.id.text, replay: envelope.replay) }

    /// A UUID in lower case stands for itself; any other text for the UUID that is derived from it.
    init(id: String, replay: String? = nil) {
        // One that is written otherwise, in upper case, is another text.
        let written = replay == nil ? UniqueID(id).flatMap { $0.text == id ? $0 : nil } : nil
        let number = written ?? UUIDv5.derive(["identity", id] + (replay.map { [$0] } ?? []))
        high = number.high
        low = number.low
    }

    func hash(into hasher: inout Hasher) { hasher.combine(high ^ low) }
}
