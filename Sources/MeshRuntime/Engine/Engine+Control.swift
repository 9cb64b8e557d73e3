import BotKit
import Envelopes
import Kafka

/// Pause, resume and drain.
extension Engine {
    /// Takes nothing in and begins nothing; what runs goes on to its end.
    func setPaused(_ paused: Bool) {
        guard isPaused != paused else { return }
        isPaused = paused
        log(.info, "\(contract.name): \(paused ? "paused: nothing new is begun" : "resumed")")
    }

    /// Begins the end: nothing new, what runs may finish until the limit, what is decided is settled.
    func drain(at moment: Moment) {
        guard draining == nil else { return }
        draining = (moment.uptime, moment.uptime + settings.limits.drain)
        let waiting = lanes.removeWaiting { _ in true }.count
        waitingBytes = 0
        let running = begun.values.count { $0.hasUnfinishedCalls }
        log(
            .info,
            "\(contract.name): draining: \(running) runs may finish within \(settings.limits.drain / 1_000) s, \(waiting) records that were not begun stay for the next owner"
        )
    }

    func finishDrain(at moment: Moment) {
        guard let draining, !hasFinished else { return }
        // Calls held back by a breaker, or opened now, are left to the journal.
        let running = begun.values.contains { $0.runningCalls > 0 }
        let isSettled = inFlight == nil && unsettled.isEmpty && held.isEmpty && !partitions.values.contains { $0.isDirty && $0.isRestored }
        if !running, isSettled {
            hasFinished = true
        } else if moment.uptime >= draining.deadline {
            for job in begun.values {
                for (place, call) in job.calls.enumerated() where call.phase == .running {
                    actions.append(.cancelCall(CallReference(job: job.id, call: place, attempt: job.attempt)))
                }
            }
            if running {
                log(.warn, "\(contract.name): the drain's limit is over; calls under way are cancelled and repeated by the next owner")
            }
            hasFinished = isSettled || moment.uptime >= draining.deadline + 3_000
            if !hasFinished { begun = begun.filter { !$0.value.hasUnfinishedCalls } }
        }
        if hasFinished { actions.append(.finished) }
    }
}
