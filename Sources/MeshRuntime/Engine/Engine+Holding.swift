import BotKit
import Envelopes
import Kafka

/// Runs that only wait for a breaker.
struct Holding: Sendable {
    /// Those that do not count among `max_concurrent_jobs`, as of the last look; bounded by `Limits.heldRuns` and `Limits.heldBytes`.
    var runs: Set<UInt64> = []
    var bytes = 0
    /// Calls that wait, by dependency.
    var calls: [String: Int] = [:]
}

/// While a breaker is open the runs that need it wait: they are not failed, their limit stands still, and up to a bound they take no place from other work.
extension Engine {
    /// Begins the waiting calls that may begin, in the order in which they came.
    func startWaitingCalls(at moment: Moment) {
        guard !waitingCalls.isEmpty else {
            holding = Holding()
            return
        }
        var held = Fifo<(job: Job, call: Int)>()
        var now = Holding()
        while let (job, place) = waitingCalls.popFirst() {
            guard !job.partition.isLost, job.calls[place].phase == .waiting else { continue }
            if let reason = reasonToEnd(job, at: moment) {
                finish(job, place, .failure(reason), at: moment)
                toTell.append(job)
            } else if !isGoing(job.partition), let permit = permit(job, place, at: moment) {
                resume(job, at: moment)
                start(job, place, permit, at: moment)
            } else {
                held.append((job, place))
                now.calls[job.calls[place].dependency, default: 0] += 1
                hold(job, &now, at: moment)
            }
        }
        waitingCalls = held
        holding = now
    }

    private func reasonToEnd(_ job: Job, at moment: Moment) -> CallFailure? {
        if let asked = cancels[job.runID] { return asked }
        return job.heldSince == nil && moment.uptime >= job.deadline ? Self.runTimedOut(configuration.constraints.timeout) : nil
    }

    /// A held run needs a place among the runs again before it asks the breaker: a permit that is not used would be a trial without a call.
    private func permit(_ job: Job, _ place: Int, at moment: Moment) -> CircuitBreaker.Permit? {
        guard job.isCounted || jobsWithCalls < configuration.constraints.maximumConcurrentJobs else { return nil }
        return breakers.admit(job.calls[place].dependency, kind: job.calls[place].kind, at: moment.uptime)
    }

    private func hold(_ job: Job, _ now: inout Holding, at moment: Moment) {
        guard !isGoing(job.partition), job.onlyWaits else { return }
        if job.heldSince == nil {
            job.heldSince = moment.uptime
            countResume(of: job, false)
        }
        guard !now.runs.contains(job.id), now.runs.count < settings.limits.heldRuns, now.bytes + job.bytes <= settings.limits.heldBytes
        else {
            return
        }
        now.runs.insert(job.id)
        now.bytes += job.bytes
        uncount(job)
    }

    /// The run goes on: what it waited does not count against its limit.
    private func resume(_ job: Job, at moment: Moment) {
        count(job)
        guard let since = job.heldSince else { return }
        job.heldSince = nil
        countResume(of: job, true)
        job.extendDeadline(by: moment.uptime - since)
    }

    /// Whether a failed call is made again later instead of failing its run: its dependency is down, and that is not the record's fault.
    func isHeldBack(_ call: JobCall, _ failure: CallFailure) -> Bool {
        switch failure.kind {
        case .transient, .timedOut: !breakers.isClosed(call.dependency)
        case .permanent, .cancelled: false
        }
    }

    /// The call waits for its breaker again, behind those that wait already. The time that it took is given back to its run.
    func putBack(_ job: Job, _ place: Int, at moment: Moment) {
        job.extendDeadline(by: moment.uptime - job.calls[place].began)
        job.calls[place].phase = .waiting
        job.calls[place].cancelling = nil
        job.calls[place].isRepeat = true
        job.calls[place].turn += 1
        waitingCalls.append((job, place))
    }

    /// The dependencies whose calls are held back, for reports.
    func degraded(at moment: Moment) -> [DegradedDependency] {
        breakers.states.compactMap { dependency, state in
            let name: DegradedDependency.State
            switch state {
            case .closed: return nil
            case .open(let until): name = moment.uptime < until ? .open : .halfOpen
            case .halfOpen: name = .halfOpen
            }
            return DegradedDependency(dependency: dependency, state: name, waitingCalls: holding.calls[dependency] ?? 0)
        }
    }
}
