import Envelopes

/// What deduplication knows an input by: the id of its event, or of its reminder, and the replay that it belongs to. 128 bits, so that remembering many
/// costs little.
struct Identity: Equatable, Sendable {
    private let high: UInt64
    private let low: UInt64

    init(_ envelope: borrowing Envelope, _ carried: Carried?) {
        if let reminder = carried?.passport.reminder {
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

    /// What a hash depends on beside the identity, so that nobody can choose identities that share one.
    struct Seed: Sendable {
        fileprivate let high = UInt64.random(in: .min ... .max)
        fileprivate let low = UInt64.random(in: .min ... .max)
    }

    /// Any number of 64 bits; one multiplication, where `Hasher` takes a hundred instructions and more.
    func hash(_ seed: Seed) -> Int {
        let product = (high ^ seed.high).multipliedFullWidth(by: low ^ seed.low)
        return Int(truncatingIfNeeded: product.high ^ product.low)
    }
}
