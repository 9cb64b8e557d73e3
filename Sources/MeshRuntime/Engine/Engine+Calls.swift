import BotKit
import Envelopes
import Kafka

/// perform: calls begin when they are in the journal and their breaker lets them, and end by themselves, by their limit, or by being cancelled.
extension Engine {
    /// A journaled step is settled: its new calls may begin.
    func startCalls(of job: Job, at moment: Moment) {
        for place in job.calls.indices where job.calls[place].phase == .opened && !recall(job, place, at: moment) {
            job.calls[place].phase = .waiting
            waitingCalls.append(job, place)
        }
        if waitingCalls.count <= Self.smallQueue { startWaitingCalls(at: moment) }
    }

    /// A longer queue is looked at once for each group of inputs, by `advance`.
    private static let smallQueue = 16

    /// How much longer than its limit a call may take before it is cancelled, in milliseconds.
    static let callSlack: Int64 = 1_000

    func start(_ job: Job, _ place: Int, _ permit: CircuitBreaker.Permit, at moment: Moment) {
        let request = job.calls[place].call.request
        job.calls[place].phase = .running
        job.calls[place].permit = permit
        job.calls[place].began = moment.uptime
        job.giveBackSettling(at: moment.uptime)
        // Its performer keeps the limit too, and knows better what took so long.
        job.calls[place].deadline = moment.uptime &+ max(0, min(request.timeLimit.wholeMilliseconds, 30 * 86_400_000)) &+ Self.callSlack
        job.calls[place].allowed = min(request.timeLimit.wholeMilliseconds, job.deadline - moment.uptime)
        // A run that was held with little of its time left would end the trial, and say nothing of the other side.
        if permit.isTrial, job.runningCalls == 1 { job.deadline = max(job.deadline, job.calls[place].deadline) }
        figures.startedCall()
        let call = job.calls[place]
        actions.append(.audit(audit("call.started", job, call)))
        actions.append(
            .startCall(
                CallStart(
                    reference: job.reference(place), request: request,
                    idempotencyKey: call.idempotencyKey, runID: job.runID, correlationID: job.event.envelope.correlationID,
                    isRepeat: call.isRepeat, causation: job.event.envelope)))
    }

    /// A call came back from its task. One that nobody waits for any more is ignored.
    func callFinished(_ reference: CallReference, _ outcome: CallOutcome, at moment: Moment) {
        guard let job = begun[reference.job], job.attempt == reference.attempt, job.calls.indices.contains(reference.call),
            job.calls[reference.call].phase == .running, job.calls[reference.call].turn == reference.turn
        else { return }
        var outcome = outcome
        // A call that succeeded although it was being cancelled has succeeded.
        if let cancelling = job.calls[reference.call].cancelling, case .failure = outcome { outcome = .failure(cancelling.reason) }
        finish(job, reference.call, outcome, at: moment)
        tellArrived(job, at: moment)
    }

    func finish(_ job: Job, _ place: Int, _ outcome: CallOutcome, at moment: Moment) {
        let call = job.calls[place]
        if call.phase == .running, call.isRecalled {
            noteRecalled(outcome, of: job, place, at: moment)
        } else if call.phase == .running {
            let breaker = breakers[call.dependency]
            note(outcome, of: job, call, at: moment)
            if case .failure(let failure) = outcome, job.rejection == nil, isHeldBack(call, failure, of: breaker) {
                if let breaker, haveOthersSucceeded(call, breaker) { job.calls[place].isExcused = true }
                return putBack(job, place, at: moment)
            }
        }
        job.calls[place].phase = .finished
        job.calls[place].cancelling = nil
        job.arrived.append((place, outcome))
        job.noteSettling(at: moment.uptime)
    }

    /// A replay of the record could not answer this call.
    private func noteNotKept(_ job: Job, _ call: JobCall, _ problem: String) {
        log(
            .warn,
            "\(contract.name): the result of \(call.kind.name) is not kept for replays: \(problem). A replay of this record skips it",
            correlation: job.event.envelope.correlationID, [("run_id", job.runID), ("idempotency_key", call.idempotencyKey)])
    }

    /// Tells breaker, figures and audit how a call ended.
    private func note(_ outcome: CallOutcome, of job: Job, _ call: JobCall, at moment: Moment) {
        var entry = audit("call.finished", job, call)
        entry.durationSeconds = Double(moment.uptime - call.began) / 1_000
        let audited = outcome.audited(call.call.request)
        entry.result = audited.result
        if let problem = audited.problem { noteNotKept(job, call, problem) }
        let isTrial = call.permit.isTrial
        let hadItsTime = isTrial || call.hadItsTime(at: moment.uptime)
        let changed = breakers.change(call.dependency) { breaker in
            switch outcome {
            case .success: breaker.succeeded(call.permit)
            case .failure(let failure):
                switch failure.kind {
                // On trial it ends the trial: the next comes after the pause.
                case .transient where failure.isOwn && !isTrial: breaker.ended(call.permit)
                case .transient: breaker.failed(call.permit, at: moment.uptime)
                // A run's limit may have passed before the call began, or soon after.
                case .timedOut where hadItsTime || failure.code != Self.runTimeoutCode: breaker.failed(call.permit, at: moment.uptime)
                case .permanent, .timedOut, .cancelled: breaker.ended(call.permit)
                }
            }
        }
        switch outcome {
        case .success: entry.outcome = "success"
        case .failure(let failure):
            figures.failedCall()
            entry.outcome = failure.kind.rawValue
            entry.code = failure.code
        }
        if let changed { report(changed, of: call.dependency) }
        actions.append(.audit(entry))
    }

    private func report(_ breaker: CircuitBreaker, of dependency: String) {
        switch breaker.state {
        case .open:
            log(
                .warn, "\(contract.name): calls to \(dependency) keep failing: they wait, and the next is tried in \(breaker.policy.pause)",
                [("dependency", dependency)])
        case .closed: log(.info, "\(contract.name): calls to \(dependency) work again", [("dependency", dependency)])
        case .halfOpen: break
        }
    }

    /// Limits of calls and runs; and performers that do not return after they were cancelled.
    func watchCalls(at moment: Moment) {
        guard jobsWithCalls > 0 else { return }
        for job in begun.values where job.hasUnfinishedCalls {
            for place in job.calls.indices where job.calls[place].phase == .running {
                let call = job.calls[place]
                if let cancelling = call.cancelling {
                    guard moment.uptime >= cancelling.until else { continue }
                    log(
                        .error,
                        "\(contract.name): \(call.kind) did not end \(settings.limits.callGrace / 1_000) s after it was cancelled; it is left behind",
                        correlation: job.event.envelope.correlationID)
                    finish(job, place, .failure(cancelling.reason), at: moment)
                    toTell.append(job)
                } else if moment.uptime >= job.deadline, job.recalledSince == nil {
                    cancel(job, place, Self.runTimedOut(configuration.constraints.timeout), at: moment)
                } else if moment.uptime >= call.deadline {
                    let limit = call.call.request.timeLimit
                    cancel(
                        job, place,
                        CallFailure(.timedOut, code: "time-limit", message: "\(call.kind) took longer than its limit of \(limit)"),
                        at: moment)
                }
            }
        }
    }

    func cancel(_ job: Job, _ place: Int, _ reason: CallFailure, at moment: Moment) {
        guard job.calls[place].phase == .running, job.calls[place].cancelling == nil else { return }
        job.calls[place].cancelling = (reason, moment.uptime + settings.limits.callGrace)
        actions.append(.cancelCall(job.reference(place)))
    }

    /// Somebody asked to cancel a run: its calls end as cancelled; if it starts later, they end before they begin.
    func cancelRun(_ run: String, _ reason: CallFailure = cancelledByPerson, at moment: Moment) {
        cancels.insert(run, reason)
        for job in begun.values where job.runID == run {
            for place in job.calls.indices { cancel(job, place, reason, at: moment) }
        }
        startWaitingCalls(at: moment)
    }

    private func audit(_ action: String, _ job: Job, _ call: JobCall) -> AuditEntry {
        AuditEntry(
            action: action, subject: call.kind.name, runID: job.runID, correlationID: job.event.envelope.correlationID,
            idempotencyKey: call.idempotencyKey, isRepeat: call.isRepeat, replay: job.event.envelope.replay)
    }

    static let cancelledByPerson = CallFailure(.cancelled, code: "cancelled", message: "the run was cancelled by request")
    static let runTimeoutCode = "run-timeout"
    static func runTimedOut(_ limit: Duration) -> CallFailure {
        CallFailure(.timedOut, code: runTimeoutCode, message: "the whole run took longer than its limit of \(limit)")
    }
}
