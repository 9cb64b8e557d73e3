import BotKit
import Envelopes
import Kafka

/// The limits of a drain, on the monotonic clock.
struct Draining: Sendable, Equatable {
    /// Calls may run until then.
    let calls: Int64
    /// What is finished may be settled until then; the rest is left to the next owner.
    let settling: Int64
    /// The process has ended by then.
    let end: Int64

    init(from uptime: Int64, _ limits: Limits) {
        end = uptime + limits.drain
        calls = uptime + max(0, limits.drain - limits.drainEnd)
        settling = uptime + max(0, limits.drain - limits.drainEnd * 2 / 5)
    }
}

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
        let limits = Draining(from: moment.uptime, settings.limits)
        draining = limits
        let waiting = lanes.removeWaiting { _ in true }
        for job in waiting { waitingBytes -= job.bytes }
        takeBackResumes { _ in true }
        let running = begun.values.count { $0.hasUnfinishedCalls }
        log(
            .info,
            "\(contract.name): draining: \(running) runs may finish within \((limits.calls - moment.uptime) / 1_000) s, \(waiting.count) records that were not begun stay for the next owner"
        )
    }

    func finishDrain(at moment: Moment) {
        guard let draining, !hasFinished else { return }
        actOnCommitted(at: moment)
        // Calls held back by a breaker, or opened now, are left to the journal.
        let running = begun.values.contains { $0.runningCalls > 0 }
        // What has no room in its partition's commit gets none any more when nothing runs: it is left to the next owner, too.
        let isSettled =
            toTell.isEmpty && inFlight == nil && unsettled.isEmpty && !uncommitted.isAsked
            && !partitions.values.contains { $0.isDirty && $0.isRestored || $0.isCut }
        if !running, isSettled {
            hasFinished = true
        } else if moment.uptime >= draining.calls {
            for job in begun.values {
                for (place, call) in job.calls.enumerated() where call.phase == .running {
                    actions.append(.cancelCall(job.reference(place)))
                }
            }
            if running {
                log(.warn, "\(contract.name): the drain's limit is over; calls under way are cancelled and repeated by the next owner")
            }
            hasFinished = isSettled || moment.uptime >= draining.settling
            if hasFinished, !isSettled { tellWhatIsUnfinished(of: partitions.keys, after: "the drain's time is over,") }
            if !hasFinished { begun = begun.filter { !$0.value.hasUnfinishedCalls } }
        }
        if hasFinished { actions.append(.finished) }
    }
}
