import BotKit
import Envelopes
import Kafka

/// Runs that only wait for a breaker, or for a place.
struct Holding {
    /// Those that do not count among `max_concurrent_jobs`, as of the last look; bounded by `Limits.heldRuns` and `Limits.heldBytes`.
    var runs: Set<UInt64> = []
    var bytes = 0
    /// Calls that wait, by dependency.
    var calls: [String: Int] = [:]
    /// Held ones that count, since there was no room among `runs`.
    var crowded: [Job] = []
}

/// While a breaker is open the runs that need it wait: they are not failed, their limit stands still, and up to a bound they take no place from other work.
extension Engine {
    /// Begins the waiting calls that may begin, in their turn.
    func startWaitingCalls(at moment: Moment) {
        guard !waitingCalls.isEmpty else {
            holding = Holding()
            return
        }
        var held: [WaitingCalls.Entry] = []
        for entry in waitingCalls.takeAll(fairTo: { mayBegin($0.dependency, at: moment) }) {
            let (job, place) = (entry.job, entry.call)
            guard !job.partition.isLost, job.calls[place].phase == .waiting else { continue }
            if let reason = reasonToEnd(job, at: moment) {
                finish(job, place, .failure(reason), at: moment)
                toTell.append(job)
            } else if !isGoing(job.partition), let permit = permit(entry, at: moment) {
                waitingCalls.began(entry)
                resume(job, at: moment)
                start(job, place, permit, at: moment)
            } else {
                held.append(entry)
            }
        }
        waitingCalls.putBack(held)
        hold(held, at: moment)
    }

    /// Those that count no more keep their room; then come those for which there is more.
    private func hold(_ held: [WaitingCalls.Entry], at moment: Moment) {
        var now = Holding()
        for entry in held { now.calls[entry.dependency, default: 0] += 1 }
        for isCounted in [false, true] {
            // Those of one run mostly stand together.
            var last: Job?
            for job in held.lazy.map(\.job) where job !== last && job.isCounted == isCounted {
                last = job
                hold(job, &now, at: moment)
            }
        }
        holding = now
    }

    private func reasonToEnd(_ job: Job, at moment: Moment) -> CallFailure? {
        if let asked = cancels[job.runID] { return asked }
        // Whoever has its partition next begins with the whole limit.
        guard job.heldSince == nil, job.settlesSince == nil, !isGoing(job.partition) || job.runningCalls > 0 else { return nil }
        return moment.uptime >= job.deadline ? Self.runTimedOut(configuration.constraints.timeout) : nil
    }

    /// Whether a call may ask the breaker to begin. What is on trial may hang: trials beyond those that are asked for leave one place to what is not on trial.
    private func mayBegin(_ dependency: String, at moment: Moment) -> Bool {
        breakers.isAdmitting(dependency, at: moment.uptime)
            && (!breakers.isSpare(dependency) || breakers.trials < configuration.constraints.maximumConcurrentJobs - 1)
    }

    /// A held run needs a place among the runs again before it asks the breaker: a permit that is not used would be a trial without a call.
    private func permit(_ entry: WaitingCalls.Entry, at moment: Moment) -> CircuitBreaker.Permit? {
        let job = entry.job
        let call = job.calls[entry.call]
        guard mayBegin(call.dependency, at: moment), job.isCounted || hasPlace(for: entry, at: moment) else { return nil }
        return breakers.admit(call.dependency, kind: call.kind, at: moment.uptime)
    }

    /// Whether a held run may take a place among the runs again. Where all are taken, one that is held itself gives up its own; the last one is left to what
    /// waits in a lane and is more urgent.
    private func hasPlace(for entry: WaitingCalls.Entry, at moment: Moment) -> Bool {
        let free = configuration.constraints.maximumConcurrentJobs - jobsWithCalls
        guard free > 0 else { return takesPlaceOfHeldRun(entry.job) }
        guard free == 1, hasRoomToHold, hasPlace(at: moment), let other = lanes.highestPriority(), other > entry.job.priority else {
            return true
        }
        return waitingCalls.insists(entry)
    }

    /// What is held stays within its bytes.
    private func takesPlaceOfHeldRun(_ job: Job) -> Bool {
        let place = holding.crowded.lastIndex { other in
            other.isCounted && other.heldSince != nil && other.onlyWaits && !other.partition.isLost
                && holding.bytes + other.bytes - job.bytes <= settings.limits.heldBytes
        }
        guard let place else { return false }
        let other = holding.crowded.remove(at: place)
        uncount(other)
        holding.bytes += other.bytes - job.bytes
        return true
    }

    private func hold(_ job: Job, _ now: inout Holding, at moment: Moment) {
        guard !now.runs.contains(job.id), !isGoing(job.partition), job.onlyWaits else { return }
        if job.heldSince == nil { job.heldSince = moment.uptime }
        countResume(of: job, false)
        guard now.runs.count < settings.limits.heldRuns, now.bytes + job.bytes <= settings.limits.heldBytes
        else {
            if job.isCounted { now.crowded.append(job) }
            return
        }
        now.runs.insert(job.id)
        now.bytes += job.bytes
        uncount(job)
    }

    /// A step of the run is held for want of room in its partition's commit. What all that is held waits for may need the place.
    func giveUpPlace(of job: Job, at moment: Moment) {
        guard job.isCounted, job.runningCalls == 0 else { return }
        job.heldSince = job.heldSince ?? moment.uptime
        uncount(job)
    }

    /// The run goes on: what it waited does not count against its limit.
    func resume(_ job: Job, at moment: Moment) {
        count(job)
        guard let since = job.heldSince else { return }
        job.heldSince = nil
        countResume(of: job, true)
        job.giveBack(since: since, at: moment.uptime)
    }

    /// Whether others have succeeded since the call was put back, and since its breaker opened, which has not opened since it began.
    /// - Parameter breaker: as it was before the call failed.
    func haveOthersSucceeded(_ call: JobCall, _ breaker: CircuitBreaker) -> Bool {
        guard let before = call.successesBefore, breaker.openings == call.permit.opening else { return false }
        return breaker.successes > max(before, breaker.successesAtOpening)
    }

    /// Whether a failed call is made again later instead of failing its run: its dependency is down, or was since the call began, and that is not the record's fault.
    /// It may well be where others have succeeded since this one was put back and since the breaker opened, and it has not opened since this one began again. Where they
    /// have while it ran, it may have met the end of the outage, and is put back once more: once.
    /// - Parameter breaker: as it was before the failure.
    func isHeldBack(_ call: JobCall, _ failure: CallFailure, of breaker: CircuitBreaker?) -> Bool {
        guard failure.kind == .transient || failure.kind == .timedOut, let breaker, let now = breakers[call.dependency] else {
            return false
        }
        let isDownForOthers = breaker.openings != call.permit.opening
        if let before = call.successesBefore, haveOthersSucceeded(call, breaker),
            call.isExcused || call.permit.successes > max(before, breaker.successesAtOpening)
        {
            return false
        }
        return now.state != .closed || call.permit.isTrial || isDownForOthers && !failure.isOwn && failure.code != Self.runTimeoutCode
    }

    /// The call waits for its breaker again, behind those that were made less often. The time that it took is given back to its run.
    func putBack(_ job: Job, _ place: Int, at moment: Moment) {
        job.giveBack(since: job.calls[place].began, at: moment.uptime)
        job.calls[place].successesBefore = breakers[job.calls[place].dependency]?.successes
        job.calls[place].phase = .waiting
        job.calls[place].cancelling = nil
        job.calls[place].isRepeat = true
        job.calls[place].turn += 1
        waitingCalls.append(job, place)
        job.noteSettling(at: moment.uptime)
    }

    /// The dependencies whose calls are held back, for reports. One that nothing waits for, and whose next call would be made, holds nothing back.
    func degraded(at moment: Moment) -> [DegradedDependency] {
        breakers.states.compactMap { dependency, state in
            let waiting = holding.calls[dependency] ?? 0
            let name: DegradedDependency.State
            switch state {
            case .closed: return nil
            case .open(let until): name = moment.uptime < until ? .open : .halfOpen
            case .halfOpen: name = .halfOpen
            }
            if name == .halfOpen, waiting == 0, breakers[dependency]?.weight(at: moment.uptime) != nil { return nil }
            return DegradedDependency(dependency: dependency, state: name, waitingCalls: waiting)
        }
    }
}
