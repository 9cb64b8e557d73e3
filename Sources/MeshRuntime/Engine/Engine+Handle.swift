import BotKit
import Envelopes
import Kafka

/// lane → handle: begins jobs, tells the bot of what happened, and collects its effects until they are settled.
extension Engine {
    /// Takes heads of lanes while there is room, and the turn lasts.
    func dispatch(at moment: Moment) {
        while mayBegin, !lanes.isEmpty {
            // Asked first: what is taken and put back would lose its turn.
            guard limiter?.hasToken(at: moment.uptime) ?? true, let (_, job) = hasRoomToHold ? lanes.takeNext() : takeLowest() else {
                return
            }
            waitingBytes -= job.bytes
            begin(job, at: moment)
        }
    }

    /// Whether anything may be begun now.
    var mayBegin: Bool {
        draining == nil && !isPaused && !turn.isOver && hasRoomToSettle && jobsWithCalls < configuration.constraints.maximumConcurrentJobs
    }

    /// Whether something may be begun now, the limit of the rate looked at too.
    func hasPlace(at moment: Moment) -> Bool { mayBegin && limiter?.hasToken(at: moment.uptime) ?? true }

    /// A job that was taken out of its lane waits there again, before what came after it.
    func putBack(_ job: Job) {
        waitingBytes += job.bytes
        lanes.putBack(job, to: job.lane, priority: job.priority)
    }

    /// Whether more results may wait to be settled.
    var hasRoomToSettle: Bool {
        unsettled.count < settings.limits.unsettledItems && unsettled.bytes < settings.limits.unsettledBytes
    }

    /// The waiting record that keeps its partition's commit from moving on, where results are held for want of room in that commit. A retry partition's
    /// may wait behind others of its key, which were due before.
    private func takeLowest() -> (key: LaneKey, element: Job)? {
        let tight = Set(held.elements.compactMap { $0.partition?.topicPartition })
        return lanes.take { job in
            tight.contains(job.partition.topicPartition) && job.isLowest
        }
    }

    /// The job is decided as far as its key is concerned: the next record of the key may be begun.
    func leaveLane(_ job: Job) {
        job.hasLeftLane = true
        guard job.isInLane else { return }
        job.isInLane = false
        lanes.release(job.lane)
    }

    /// Begins an attempt, and takes its token of the rate; a repeat needs none. The lane is closed until the job is settled, or decided when nothing after it depends on its settlement.
    /// - Parameter isKnownNew: nothing can have been settled since its identity was looked for.
    func begin(_ job: Job, isKnownNew: Bool = false, at moment: Moment) {
        let partition = job.partition
        guard !partition.isLost else { return }
        if !job.isBegun {
            if queueBehindTwin(job) { return }
            if !isKnownNew, isDone(job.identity, job.incoming, partition) {
                // Nothing can have queued behind it yet.
                _ = endProgress(of: job)
                skipRepeat(job.identity, job.incoming, partition)
                return leaveLane(job)
            }
            job.isBegun = true
        }
        _ = limiter?.take(at: moment.uptime)
        defer { if !job.isDecided { begun[job.id] = job } }
        job.began = moment
        job.firstNow = moment.wall
        job.now = moment.wall
        job.deadline = moment.uptime + runLimit
        job.state = job.aggregate.flatMap { partition.states[$0] }
        if !partition.journals.isEmpty, let journal = partition.journals.removeValue(forKey: job.record.offset) {
            job.isJournaled = true
            if resume(job, journal, at: moment) { return }
        }
        if let expiry = expiry(of: job, at: moment) { return settleRejected(job, expiry, at: moment) }
        if let early = job.earlyDecision(at: moment) { adopt(early, of: job) } else { tell(job, firstInput(of: job), at: moment) }
        conclude(job, at: moment)
    }

    /// Why the job's event matters no more; nil when it does. What is replayed was in time when it was new.
    private func expiry(of job: Job, at moment: Moment) -> Rejection? {
        guard job.content.canExpire, !job.content.isReplayed, job.incoming.carried?.passport.reminder == nil else { return nil }
        let envelope = job.event.envelope
        guard let limit = envelope.timeToLive, envelope.isExpired(at: moment.wall) else { return nil }
        let age = moment.wall.duration(since: envelope.timestamp).wholeMilliseconds / 1_000
        return .permanent("expired", "\(contract.name): \(job.event.type) is \(age) s old, its time to live was \(limit)")
    }

    /// Queues the job behind the one of its identity that is in progress, and waits for what becomes of that. False when there is none: the job is now the one in progress.
    private func queueBehindTwin(_ job: Job) -> Bool {
        guard let first = inProgress[job.identity] else {
            inProgress.insert(job)
            return false
        }
        first.twins.append(job)
        park(job)
        return true
    }

    /// The job is in progress no more. Whoever waited behind it: they wait no more.
    func endProgress(of job: Job) -> [Job] {
        let twins = inProgress.remove(job)
        for twin in twins { unpark(twin) }
        return twins
    }

    /// Takes over what the bot was found to decide, as if it were told now.
    private func adopt(_ early: EarlyDecision.Handled, of job: Job) {
        job.firstNow = early.at.wall
        job.now = early.at.wall
        job.rejection = early.rejection
        job.made = early.made
        guard let rest = early.rest else { return }
        do throws(Rejection) { try collectRest(rest, of: job, suppressing: false) } catch { job.rejection = error }
    }

    func firstInput(of job: Job) -> UntypedInput {
        job.incoming.carried?.passport.reminder.map { .reminder($0.reminder, event: job.event) } ?? .event(job.event)
    }

    /// Calls `handle` and collects the effects. A rejection is noted; `conclude` acts on it.
    func tell(_ job: Job, _ input: UntypedInput, suppressing: Bool = false, at moment: Moment) {
        let context = Context(now: job.now, run: job.run, attempt: job.attempt, instance: instance)
        defer { turn.came(back: clock()) }
        do throws(Rejection) {
            let result = try bot.handleUntyped(input, state: job.state, context: context)
            try collect(result, of: job, suppressing: suppressing)
        } catch {
            job.rejection = error
        }
    }

    private func collect(_ result: UntypedEffects, of job: Job, suppressing: Bool) throws(Rejection) {
        job.state = result.state
        // Visible already: from before a crash, or from an earlier attempt.
        let isVisible = { (type: EventType, ordinal: Int) in suppressing || ordinal < job.alreadyProduced(type) }
        try results.produce(result.outputs, because: job.cause, into: &job.made, unless: isVisible)
        try collectRest(result, of: job, suppressing: suppressing)
    }

    /// Reminders and calls.
    private func collectRest(_ result: UntypedEffects, of job: Job, suppressing: Bool) throws(Rejection) {
        for reminder in result.reminders {
            let ordinal = job.made.reminders
            job.made.reminders += 1
            if suppressing || ordinal < job.remindersProduced { continue }
            job.made.unsettledReminders += 1
            let id = EventID(UUIDv5.derive([job.inputID.text, contract.name, "reminder", reminder.name, String(ordinal)]))
            let after = min(max(reminder.after, .zero), .seconds(30 * 86_400))
            job.made.add(.record(ownRecords.reminder(reminder, id: id, of: job, due: job.now.advanced(by: after))))
        }
        guard job.calls.count + result.calls.count <= settings.limits.callsPerRun else {
            throw .permanent("too-many-calls", "\(contract.name) asked for more than \(settings.limits.callsPerRun) calls in one run")
        }
        for call in result.calls {
            let parts = [job.inputID.text, contract.name, "call", String(job.calls.count)] + (job.event.envelope.replay.map { [$0] } ?? [])
            job.calls.append(JobCall(call, idempotencyKey: UUIDv5.derive(parts).text, isRepeat: job.attempt > 1))
        }
    }

    /// After the bot was told something: settles the run, or a step of it.
    func conclude(_ job: Job, at moment: Moment) {
        if let rejection = job.rejection { return reject(job, rejection, at: moment) }
        guard job.hasUnfinishedCalls || !job.arrived.isEmpty else { return settleDone(job, at: moment) }
        settleStep(job, at: moment)
    }

    /// Tells bots what calls came to, as long as the turn lasts.
    func tellWaiting(at moment: Moment) {
        while !turn.isOver, let job = toTell.popFirst() { if !job.partition.isLost { tellArrived(job, at: moment) } }
    }

    /// Tells the bot of the calls that came back since it was last told, at least of one. What the turn has no time for is told when this step is settled.
    func tellArrived(_ job: Job, at moment: Moment) {
        guard job.unsettledSteps == 0, !job.isDecided else { return }
        if job.rejection == nil {
            guard !job.arrived.isEmpty else { return }
            repeat {
                let (place, outcome) = job.arrived.removeFirst()
                job.now = max(job.now, moment.wall)
                do {
                    job.outcomes.append(try outcome.recorded(call: place, now: job.now))
                } catch {
                    job.rejection = .permanent("unwritable-outcome", "the outcome of \(job.calls[place].kind) cannot be written as JSON")
                    break
                }
                tell(job, .finished(job.calls[place].call, outcome, event: job.event), at: moment)
            } while job.rejection == nil && !job.arrived.isEmpty && !turn.isOver
        }
        conclude(job, at: moment)
    }

    /// A rejected run ends its calls before it is settled, so that a later attempt does not meet them.
    func reject(_ job: Job, _ rejection: Rejection, at moment: Moment) {
        for place in job.calls.indices {
            switch job.calls[place].phase {
            case .opened, .waiting: job.calls[place].phase = .finished
            case .running:
                cancel(job, place, CallFailure(.cancelled, code: "run-rejected", message: "the run was given up"), at: moment)
            case .finished: break
            }
        }
        waitingCalls.removeAll(of: job)
        guard job.runningCalls == 0 else { return }
        settleRejected(job, rejection, at: moment)
    }

    /// Takes a run up again from its journal: `handle` is told the same again, what it produced is visible already, and open calls are repeated. False when
    /// the journal cannot be used and the run begins anew.
    private func resume(_ job: Job, _ bytes: [UInt8], at moment: Moment) -> Bool {
        guard let entry = journalEntry(bytes, of: job) else { return false }
        job.attempt = max(job.attempt, entry.attempt)
        job.firstFailure = job.firstFailure ?? entry.firstFailure.map { Timestamp(milliseconds: $0) }
        job.produced.merge(entry.produced) { max($0, $1) }
        // Between two attempts nothing was under way.
        guard !entry.calls.isEmpty else { return false }
        job.resumes = Resumes(after: entry)
        job.firstNow = Timestamp(milliseconds: entry.now)
        job.now = job.firstNow
        guard job.resumes.count <= settings.limits.resumesPerRun else {
            let message = "\(contract.name) ended \(entry.resumes) times while it handled this record; see its log, then redrive it"
            settleRejected(job, .permanent("crashes", message), at: moment)
            return true
        }
        tellAgain(job, entry, at: moment)
        if let rejection = job.rejection {
            job.calls = []
            // What is visible stands in the journal, whatever the bot has said now; but for one that names no event, which is of a version before that.
            if entry.event != nil { job.made = Results.Made() }
            settleRejected(job, rejection, at: moment)
            return true
        }
        log(
            .info,
            "\(contract.name): run \(job.runID) is taken up again after a restart, \(job.calls.count { $0.phase != .finished }) calls are repeated",
            correlation: job.event.envelope.correlationID)
        for place in job.calls.indices where job.calls[place].phase == .opened { job.calls[place].isRepeat = true }
        // One settlement more: it notes that the run was taken up again, so that a record that ends the process is not repeated for ever.
        settleStep(job, at: moment)
        return true
    }

    /// What the journal says of the run; nil where it cannot be read, or is another event's.
    private func journalEntry(_ bytes: [UInt8], of job: Job) -> JournalEntry? {
        let place = "\(contract.name): the journal of \(job.record.topicPartition)@\(job.record.offset)"
        let entry: JournalEntry
        do { entry = try JSONCoder.decode(from: bytes) } catch {
            log(.error, "\(place) cannot be read; the run begins anew")
            return nil
        }
        guard entry.event ?? job.event.envelope.id.text == job.event.envelope.id.text else {
            log(.warn, "\(place) is of another event that lay there; the run begins anew")
            return nil
        }
        return entry
    }

    /// Tells the bot all that it was told before the restart. It must decide as it did.
    private func tellAgain(_ job: Job, _ entry: JournalEntry, at moment: Moment) {
        tell(job, firstInput(of: job), suppressing: true, at: moment)
        for outcome in entry.outcomes where job.rejection == nil && job.calls.indices.contains(outcome.call) {
            job.now = Timestamp(milliseconds: outcome.now)
            job.calls[outcome.call].phase = .finished
            job.outcomes.append(outcome)
            do {
                let call = job.calls[outcome.call].call
                tell(job, .finished(call, try .recorded(outcome, of: call), event: job.event), suppressing: true, at: moment)
            } catch {
                job.rejection = .permanent("journal-unreadable", "an outcome in the journal does not fit its call; redrive to begin anew")
            }
        }
        if job.rejection == nil, !fits(job, entry) {
            let message = "\(contract.name) decides otherwise than before it was restarted; redrive the record to begin anew"
            job.rejection = .permanent("journal-mismatch", message)
        }
    }

    /// Whether the run asks for the same calls as it did before the restart.
    private func fits(_ job: Job, _ entry: JournalEntry) -> Bool {
        do { return try job.calls.map { try $0.call.recorded() } == entry.calls } catch { return false }
    }
}
