/// Stops calls of one kind after repeated failures of the other side, and lets one through after a while to see whether it is back.
///
/// Times are milliseconds of the monotonic clock.
public struct CircuitBreaker: Sendable {
    public enum State: Sendable, Equatable {
        case closed
        case open(until: Int64)
        /// One call is on trial.
        case halfOpen
    }
    /// So many failures one after another open it.
    public let threshold: Int
    /// How long it stays open, in milliseconds.
    public let pause: Int64
    public private(set) var state: State = .closed
    private var failures = 0

    public init(threshold: Int = 5, pause: Int64 = 30_000) {
        self.threshold = threshold
        self.pause = pause
    }

    /// Whether a call may begin now. A yes while the breaker is open makes that call the trial.
    public mutating func allows(at uptime: Int64) -> Bool {
        switch state {
        case .closed: return true
        case .halfOpen: return false
        case .open(let until):
            guard uptime >= until else { return false }
            state = .halfOpen
            return true
        }
    }

    public mutating func succeeded() {
        failures = 0
        state = .closed
    }

    /// The other side failed: a transient failure or a time-out. What is wrong with the request itself does not count.
    public mutating func failed(at uptime: Int64) {
        failures += 1
        if state == .halfOpen || failures >= threshold { state = .open(until: uptime + pause) }
    }

    /// The call ended without saying anything about the other side, for example by being cancelled.
    public mutating func ended(at uptime: Int64) {
        if state == .halfOpen { state = .open(until: uptime) }
    }
}
