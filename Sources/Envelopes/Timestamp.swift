/// An instant, in milliseconds since 1970-01-01T00:00:00Z: the resolution of Kafka's timestamps and of an envelope's.
public struct Timestamp: Hashable, Sendable, Comparable {
    public let milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// The instant `duration` later; saturates at the ends of the range instead of overflowing.
    public func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        let delta = overflow ? (seconds < 0 ? Int64.min : Int64.max) : scaled &+ attoseconds / 1_000_000_000_000_000
        let (sum, sumOverflow) = milliseconds.addingReportingOverflow(delta)
        return Timestamp(milliseconds: sumOverflow ? (delta < 0 ? .min : .max) : sum)
    }

    /// The time from `earlier` to this instant; negative when `earlier` is later.
    public func duration(since earlier: Timestamp) -> Duration {
        let (difference, overflow) = milliseconds.subtractingReportingOverflow(earlier.milliseconds)
        return .milliseconds(overflow ? (milliseconds < 0 ? Int64.min : Int64.max) : difference)
    }
}
