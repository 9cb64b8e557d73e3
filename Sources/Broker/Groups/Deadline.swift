/// A moment at which something is done, which is often moved before it comes. On the broker's thread.
///
/// Moving it to a later moment sets no timer: heartbeats and commits do that all the time.
final class Deadline {
    private let scheduler: any Scheduler
    private var timer: TimerID?
    private var timerDue: Int64 = 0
    private var due: Int64 = 0
    private var action: (() -> Void)?

    init(_ scheduler: any Scheduler) { self.scheduler = scheduler }

    deinit { if let timer { scheduler.cancel(timer) } }

    /// Forgets what was set before.
    func set(after milliseconds: Int64, _ action: @escaping () -> Void) {
        due = scheduler.moment(after: milliseconds)
        self.action = action
        if timer != nil, timerDue <= due { return }
        schedule()
    }

    func cancel() {
        action = nil
        if let timer { scheduler.cancel(timer) }
        timer = nil
    }

    private func schedule() {
        if let timer { scheduler.cancel(timer) }
        timerDue = due
        timer = scheduler.schedule(after: due - scheduler.now) { [weak self] in self?.fire() }
    }

    private func fire() {
        timer = nil
        guard let action else { return }
        guard scheduler.now >= due else { return schedule() }
        self.action = nil
        action()
    }
}
