import Envelopes

extension Envelope {
    /// Whether its time to live has passed; never where it has none.
    func isExpired(at now: Timestamp) -> Bool { timeToLive.map { now.duration(since: timestamp) > $0 } ?? false }
}
