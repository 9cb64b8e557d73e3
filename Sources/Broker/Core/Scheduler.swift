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

public struct TimerID: Hashable, Sendable {
    public let value: UInt64
    public init(_ value: UInt64) { self.value = value }
}
