/// Time as the broker sees it. All of it on the broker's thread.
public protocol Scheduler: AnyObject {
    /// Milliseconds since some moment; never goes back.
    var now: Int64 { get }
    /// Milliseconds since 1970, as records carry them.
    var wallClock: Int64 { get }
    /// Runs `action` once, on the broker's thread, when `milliseconds` have gone by.
    @discardableResult
    func schedule(after milliseconds: Int64, _ action: @escaping () -> Void) -> TimerID
    /// Does nothing when it has run or was cancelled.
    func cancel(_ timer: TimerID)
}

extension Scheduler {
    /// When so many milliseconds have gone by; as late as can be said, where that is later. Fewer than none are none.
    public func moment(after milliseconds: Int64) -> Int64 {
        let (moment, isTooLate) = now.addingReportingOverflow(max(0, milliseconds))
        return isTooLate ? .max : moment
    }
}

public struct TimerID: Hashable, Sendable {
    public let value: UInt64
    public init(_ value: UInt64) { self.value = value }
}
