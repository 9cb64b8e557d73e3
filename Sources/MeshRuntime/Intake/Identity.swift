import Envelopes

/// What deduplication knows an input by: the id of its event, or of its reminder, and the replay that it belongs to. 128 bits, so that remembering many
/// costs little.
struct Identity: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    init(_ envelope: Envelope, _ passport: Passport) { self.init(id: passport.reminder?.id ?? envelope.id.text, replay: envelope.replay) }

    /// A UUID in lower case stands for itself; any other text for the UUID that is derived from it.
    init(id: String, replay: String? = nil) {
        let number =
            (replay == nil && Self.isLowerCase(id) ? UniqueID(id) : nil) ?? UUIDv5.derive(["identity", id] + (replay.map { [$0] } ?? []))
        high = number.high
        low = number.low
    }

    /// One in upper case is another text, and so another id.
    private static func isLowerCase(_ id: String) -> Bool {
        var id = id
        return id.withUTF8 { bytes in bytes.allSatisfy { !(UInt8(ascii: "A")...UInt8(ascii: "F") ~= $0) } }
    }

    func hash(into hasher: inout Hasher) { hasher.combine(high ^ low) }
}
