import BotKit
import Envelopes
import Kafka

/// perform: calls begin when they are in the journal and their breaker lets them, and end by themselves, by their limit, or by being cancelled.
extension Engine {
    /// A journaled step is settled: its new calls may begin.
    func startCalls(of job: Job, at moment: Moment) {
        for place in job.calls.indices where job.calls[place].phase == .opened {
            job.calls[place].phase = .waiting
            waitingCalls.append((job, place))
        }
        startWaitingCalls(at: moment)
    }

    func startWaitingCalls(at moment: Moment) {
        guard !waitingCalls.isEmpty else { return }
        var held = Fifo<(job: Job, call: Int)>()
        var answered: [Job] = []
        while let (job, place) = waitingCalls.popFirst() {
            guard !job.partition.isLost, job.calls[place].phase == .waiting else { continue }
            if let asked = cancels[job.runID] {
                finish(job, place, .failure(asked), at: moment)
                answered.append(job)
            } else if moment.uptime >= job.deadline {
                finish(job, place, .failure(Self.runTimedOut(configuration.constraints.timeout)), at: moment)
                answered.append(job)
            } else if draining != nil {
                held.append((job, place))
            } else if breakers[job.calls[place].kind, default: CircuitBreaker()].allows(at: moment.uptime) {
                start(job, place, at: moment)
            } else {
                held.append((job, place))
            }
        }
        waitingCalls = held
        for job in answered { tellArrived(job, at: moment) }
    }

    private func start(_ job: Job, _ place: Int, at moment: Moment) {
        let request = job.calls[place].call.request
        job.calls[place].phase = .running
        job.calls[place].began = moment.uptime
        job.calls[place].deadline = moment.uptime &+ max(0, min(request.timeLimit.wholeMilliseconds, 30 * 86_400_000))
        figures.startedCall()
        let call = job.calls[place]
        actions.append(.audit(audit("call.started", job, call)))
        actions.append(
            .startCall(
                CallStart(
                    reference: CallReference(job: job.id, call: place, attempt: job.attempt), request: request,
                    idempotencyKey: call.idempotencyKey, runID: job.runID, correlationID: job.event.envelope.correlationID,
                    isRepeat: call.isRepeat, causation: job.event.envelope)))
    }

    /// A call came back from its task. One that nobody waits for any more is ignored.
    func callFinished(_ reference: CallReference, _ outcome: CallOutcome, at moment: Moment) {
        guard let job = begun[reference.job], job.attempt == reference.attempt, job.calls.indices.contains(reference.call),
            job.calls[reference.call].phase == .running
        else { return }
        var outcome = outcome
        // A call that succeeded although it was being cancelled has succeeded.
        if let cancelling = job.calls[reference.call].cancelling, case .failure = outcome { outcome = .failure(cancelling.reason) }
        finish(job, reference.call, outcome, at: moment)
        tellArrived(job, at: moment)
    }

    private func finish(_ job: Job, _ place: Int, _ outcome: CallOutcome, at moment: Moment) {
        let call = job.calls[place]
        if call.phase == .running {
            var entry = audit("call.finished", job, call)
            entry.durationSeconds = Double(moment.uptime - call.began) / 1_000
            var breaker = breakers[call.kind] ?? CircuitBreaker()
            let before = breaker.state
            switch outcome {
            case .success:
                breaker.succeeded()
                entry.outcome = "success"
            case .failure(let failure):
                figures.failedCall()
                entry.outcome = failure.kind.rawValue
                entry.code = failure.code
                switch failure.kind {
                case .transient: breaker.failed(at: moment.uptime)
                case .timedOut where call.cancelling?.reason.code != "run-timeout": breaker.failed(at: moment.uptime)
                case .permanent: breaker.succeeded()
                default: breaker.ended(at: moment.uptime)
                }
            }
            breakers[call.kind] = breaker
            if breaker.state != before { report(breaker, of: call.kind) }
            actions.append(.audit(entry))
        }
        job.calls[place].phase = .finished
        job.calls[place].cancelling = nil
        job.arrived.append((place, outcome))
    }

    private func report(_ breaker: CircuitBreaker, of kind: CallKind) {
        switch breaker.state {
        case .open:
            log(.warn, "\(contract.name): calls of \(kind) keep failing; the next are held back for \(breaker.pause / 1_000) s")
        case .closed: log(.info, "\(contract.name): calls of \(kind) work again")
        case .halfOpen: break
        }
    }

    /// Limits of calls and runs; and performers that do not return after they were cancelled.
    func watchCalls(at moment: Moment) {
        guard jobsWithCalls > 0 else { return }
        for job in begun.values where job.hasUnfinishedCalls {
            var isAnswered = false
            for place in job.calls.indices where job.calls[place].phase == .running {
                let call = job.calls[place]
                if let cancelling = call.cancelling {
                    guard moment.uptime >= cancelling.until else { continue }
                    log(
                        .error,
                        "\(contract.name): \(call.kind) did not end \(settings.limits.callGrace / 1_000) s after it was cancelled; it is left behind",
                        correlation: job.event.envelope.correlationID)
                    finish(job, place, .failure(cancelling.reason), at: moment)
                    isAnswered = true
                } else if moment.uptime >= job.deadline {
                    cancel(job, place, Self.runTimedOut(configuration.constraints.timeout), at: moment)
                } else if moment.uptime >= call.deadline {
                    let limit = call.call.request.timeLimit
                    cancel(
                        job, place,
                        CallFailure(.timedOut, code: "time-limit", message: "\(call.kind) took longer than its limit of \(limit)"),
                        at: moment)
                }
            }
            if isAnswered { tellArrived(job, at: moment) }
        }
    }

    func cancel(_ job: Job, _ place: Int, _ reason: CallFailure, at moment: Moment) {
        guard job.calls[place].phase == .running, job.calls[place].cancelling == nil else { return }
        job.calls[place].cancelling = (reason, moment.uptime + settings.limits.callGrace)
        actions.append(.cancelCall(CallReference(job: job.id, call: place, attempt: job.attempt)))
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
            idempotencyKey: call.idempotencyKey, isRepeat: call.isRepeat)
    }

    static let cancelledByPerson = CallFailure(.cancelled, code: "cancelled", message: "the run was cancelled by request")
    static func runTimedOut(_ limit: Duration) -> CallFailure {
        CallFailure(.timedOut, code: "run-timeout", message: "the whole run took longer than its limit of \(limit)")
    }
}
