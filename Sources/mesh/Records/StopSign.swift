import Glibc
import Synchronization

/// Whether somebody asked the command to end: Ctrl-C, or SIGTERM. A second one ends the process at once.
final class StopSign: Sendable {
    private let state = Mutex<(since: Int64?, wake: (@Sendable () -> Void)?)>((nil, nil))

    /// Watches from now on. Call it before anything starts a thread, which would take the signals otherwise.
    static func watch() -> StopSign {
        Signals.block()
        let sign = StopSign()
        Signals.listen { _ in sign.set() }
        return sign
    }

    var isSet: Bool { state.withLock { $0.since != nil } }

    /// Called once when the command shall end: wakes what waits.
    func onStop(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

    /// Waits; ends early when the command shall end.
    func wait(until instant: ContinuousClock.Instant) {
        while !isSet {
            let left = ContinuousClock.now.duration(to: instant)
            guard left > .zero else { return }
            usleep(UInt32(min(left, .milliseconds(50)) / .microseconds(1)))
        }
    }

    /// What a signal does.
    func set() {
        let now = Uptime.milliseconds
        let (isSecond, wake) = state.withLock { state in
            // What ends a whole group of processes may reach one of them twice: that is one wish.
            let isSecond = state.since.map { now - $0 > 300 } ?? false
            state.since = state.since ?? now
            return (isSecond, state.wake)
        }
        if isSecond { _exit(130) }
        wake?()
    }
}
