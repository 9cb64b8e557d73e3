extension Duration {
    /// The duration in whole milliseconds for librdkafka, rounded up, from 0 to about 24 days.
    var rdMilliseconds: Int32 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < 2_000_000 else { return 2_000_000_000 }
        return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

/// A point in time after which a wait is over.
struct Deadline {
    private let end: ContinuousClock.Instant

    init(after duration: Duration) { end = ContinuousClock.now.advanced(by: duration) }

    /// Never negative.
    var remaining: Duration { max(.zero, ContinuousClock.now.duration(to: end)) }
    var hasPassed: Bool { remaining == .zero }
}
