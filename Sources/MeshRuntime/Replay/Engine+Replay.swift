import BotKit
import Envelopes
import Kafka

/// Nothing is done outside for a replayed record unless its replay allows it: its calls are answered with what the audit has of the original ones.
extension Engine {
    /// Asks for the recorded result of a call instead of performing it. False when the call is to be performed.
    func recall(_ job: Job, _ place: Int, at moment: Moment) -> Bool {
        let passport = job.incoming.passport
        guard let marks = passport.replayMarks(of: job.event), !marks.allowsCalls, let replay = job.event.envelope.replay else {
            return false
        }
        let key = passport.originalInputID(of: job.event).map { UUIDv5.derive([$0.text, contract.name, "call", String(place)]).text }
        resume(job, at: moment)
        if job.recalledSince == nil { job.recalledSince = moment.uptime }
        job.calls[place].phase = .running
        job.calls[place].isRecalled = true
        job.calls[place].began = moment.uptime
        let call = job.calls[place]
        actions.append(
            .startCall(
                CallStart(
                    reference: job.reference(place), request: call.call.request, idempotencyKey: call.idempotencyKey, runID: job.runID,
                    correlationID: job.event.envelope.correlationID, isRepeat: call.isRepeat, causation: job.event.envelope,
                    recall: Recall(key: key, replay: replay))))
        return true
    }

    /// The recorded result came back, or there is none.
    func noteRecalled(_ outcome: CallOutcome, of job: Job, _ place: Int, at moment: Moment) {
        let call = job.calls[place]
        giveBackRecall(job, at: moment)
        var entry = AuditEntry(
            action: "call.replayed", subject: call.kind.name, runID: job.runID, correlationID: job.event.envelope.correlationID,
            idempotencyKey: call.idempotencyKey, isRepeat: call.isRepeat, replay: job.event.envelope.replay)
        switch outcome {
        case .success: entry.outcome = "success"
        case .failure(let failure) where failure.code == ReplayMarks.skippedCode:
            job.rejection = .permanent(failure.code, failure.message)
            return
        case .failure(let failure) where failure.code == ReplayMarks.unreadableCode:
            job.rejection = .transient(failure.code, failure.message)
            return
        case .failure(let failure):
            entry.outcome = failure.kind.rawValue
            entry.code = failure.code
        }
        actions.append(.audit(entry))
    }

    /// How long the audit is read says nothing of the run: with its last answer the time is given back.
    private func giveBackRecall(_ job: Job, at moment: Moment) {
        guard job.runningCalls == 1, let since = job.recalledSince else { return }
        job.recalledSince = nil
        job.giveBack(since: since, at: moment.uptime)
    }

    /// The run ends without a result: it is no failure of the record's, so it is neither tried again nor a dead letter. Counted, logged, and in the audit.
    func settleSkipped(_ job: Job, _ rejection: Rejection) {
        let origin = job.incoming.passport.origin
        let place = "\(origin.topic)[\(origin.partition)]@\(origin.offset)"
        let correlation = job.event.envelope.correlationID
        log(
            .warn, "\(contract.name): \(job.event.type) at \(place) is skipped: \(rejection.message)", correlation: correlation,
            [("code", rejection.code)])
        actions.append(
            .audit(
                AuditEntry(
                    action: "replay.skipped", subject: place, code: rejection.code, runID: job.runID, correlationID: correlation,
                    result: ["code": .string(rejection.code), "message": .string(rejection.message)],
                    replay: job.event.envelope.replay)))
        finishItem(job, .skipped, [])
    }
}

/// Where the audit may have the result of a call's original.
struct Recall: Sendable, Equatable {
    /// The original call's idempotency key; nil where nobody knows it.
    let key: String?
    let replay: String
}
