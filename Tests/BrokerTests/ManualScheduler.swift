import Broker

/// Time that goes on only when a test says so.
final class ManualScheduler: Scheduler {
    private(set) var now: Int64 = 1_000
    var wallClock: Int64 { 1_700_000_000_000 + now }
    private var waiting: [(id: TimerID, due: Int64, action: () -> Void)] = []
    private var last: UInt64 = 0

    @discardableResult
    func schedule(after milliseconds: Int64, _ action: @escaping () -> Void) -> TimerID {
        last += 1
        waiting.append((TimerID(last), now + milliseconds, action))
        return TimerID(last)
    }

    func cancel(_ timer: TimerID) { waiting.removeAll { $0.id == timer } }

    /// Runs all that is due until then, each at its time, in order.
    func advance(by milliseconds: Int64) {
        let end = now + milliseconds
        while let next = waiting.filter({ $0.due <= end }).min(by: { ($0.due, $0.id.value) < ($1.due, $1.id.value) }) {
            now = max(now, next.due)
            cancel(next.id)
            next.action()
        }
        now = end
    }
}
