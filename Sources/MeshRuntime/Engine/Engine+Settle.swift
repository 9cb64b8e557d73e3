import BotKit
import Envelopes
import Kafka

/// settle: decides what a run, or a step of it, makes visible. Exactly one of done, retried, dead-lettered ends a record.
extension Engine {
    /// The run goes on: its results so far and its journal become visible; then its new calls begin.
    func settleStep(_ job: Job, at moment: Moment) {
        let item: SettleItem
        do {
            item = SettleItem(.step, records: job.made.records + [try journalRecord(job)], job: job)
        } catch {
            let rejection = Rejection.permanent("unwritable-call", "a call of \(contract.name) cannot be written as JSON")
            job.rejection = rejection
            return reject(job, rejection, at: moment)
        }
        item.events = job.made.events
        job.made.handOver()
        if job.unsettledSteps == 0, job.runningCalls == 0 { job.settlesSince = moment.uptime }
        job.unsettledSteps += 1
        job.isJournaled = true
        // One that is held has no place, and finds one when its next call begins.
        if job.heldSince == nil { count(job) }
        unsettled.append(item)
    }

    func settleDone(_ job: Job, at moment: Moment) {
        guard let aggregate = job.aggregate else { return finishItem(job, .done, job.made.records, bytes: job.made.bytes) }
        var records = job.made.records
        if let state = job.state {
            do {
                let bytes = try JSONCoder.bytes(state)
                records.append(stateRecord(.state(aggregate), bytes, of: job))
            } catch {
                return settleRejected(
                    job, .permanent("unwritable-state", "the state of \(contract.name) cannot be written as JSON"), at: moment)
            }
        } else if job.partition.states[aggregate] != nil {
            records.append(stateRecord(.state(aggregate), nil, of: job))
        }
        finishItem(job, .done, records)
    }

    /// The bot cannot handle the record: again later, or a dead letter.
    func settleRejected(_ job: Job, _ rejection: Rejection, at moment: Moment) {
        if rejection.code == ReplayMarks.skippedCode, job.event.envelope.replay != nil { return settleSkipped(job, rejection) }
        let name = "\(contract.name): \(job.event.type) at \(job.record.topicPartition)@\(job.record.offset)"
        let correlation = job.event.envelope.correlationID
        job.firstFailure = job.firstFailure ?? moment.wall
        guard rejection.kind == .transient, job.attempt < retryPolicy.maximumAttempts else {
            log(
                .error, "\(name): \(rejection.message). It goes to \(settings.topics.deadLetters).", correlation: correlation,
                [("code", rejection.code)])
            var passport = job.passport
            passport.produced = visible(job)
            if job.priority != job.event.envelope.priority { passport.priority = job.priority }
            let records = deadRecords(
                job.record, passport, job.event.envelope, Failure(rejection), attempts: job.attempt, at: moment)
            return finishItem(job, .dead(code: rejection.code), records)
        }
        let delay = Backoff.delay(after: job.attempt, retryPolicy, using: &random)
        let due = moment.wall.advanced(by: delay)
        log(
            .warn, "\(name): attempt \(job.attempt) of \(retryPolicy.maximumAttempts): \(rejection.message); again in \(delay)",
            correlation: correlation, [("code", rejection.code)])
        switch retryPolicy.mode {
        case .topic:
            var passport = job.passport
            passport.attempts = job.attempt
            passport.notBefore = due
            if job.priority != job.event.envelope.priority { passport.priority = job.priority }
            for (type, count) in visible(job) { passport.produced[type] = count }
            finishItem(job, .retried, [.record(ownRecords.retry(job.record, passport, key: job.record.key))])
        case .inPlace:
            for (type, count) in visible(job) { job.produced[type] = count }
            uncount(job)
            job.resetAttempt()
            job.attempt += 1
            // The journal counts the attempts, so that a restart does not begin at the first again.
            let entry = JournalEntry(
                event: job.event.envelope.id.text, now: moment.wall.milliseconds, attempt: job.attempt,
                firstFailure: job.firstFailure?.milliseconds, produced: job.produced)
            do {
                let item = SettleItem(.step, records: [stateRecord(journalKey(job), try JSONCoder.bytes(entry), of: job)], job: job)
                job.unsettledSteps += 1
                job.isJournaled = true
                unsettled.append(item)
            } catch {
                log(.error, "\(name): the attempt cannot be noted: \(error)", correlation: correlation)
            }
            park(job)
            again.insert(job, due: moment.uptime + delay.wholeMilliseconds)
        }
    }

    /// How many events of each type, and reminders, this attempt and those before it have made visible.
    /// - Parameter isStepCounted: whether what is about to be settled counts too.
    private func visible(_ job: Job, isStepCounted: Bool = false) -> [String: Int] {
        var counts: [String: Int] = [:]
        for (type, count) in job.made.counts.counts {
            let seen = max(isStepCounted ? count : count - job.made.unsettled[type], job.alreadyProduced(type))
            if seen > 0 { counts[type.name] = seen }
        }
        let reminders = isStepCounted ? job.made.reminders : job.made.reminders - job.made.unsettledReminders
        if reminders > 0 { counts[Job.reminders] = reminders }
        return counts.merging(job.produced) { max($0, $1) }
    }

    /// A record that never became a job.
    func settleDead(
        _ record: Record, _ passport: Passport, _ envelope: Envelope?, _ failure: Failure, attempts: Int, _ partition: AssignedPartition,
        at moment: Moment
    ) {
        log(
            .error,
            "\(contract.name): \(record.topicPartition)@\(record.offset): \(failure.message). It goes to \(settings.topics.deadLetters).",
            correlation: envelope?.correlationID, [("code", failure.code)])
        var records = deadRecords(record, passport, envelope, failure, attempts: attempts, at: moment)
        records.append(contentsOf: noteNotDone(record.offset, partition))
        let item = SettleItem(
            .dead(code: failure.code), records: records, partition: partition, offset: record.offset,
            source: .init(record: record, passport: passport, envelope: envelope))
        item.takenIn = moment
        unsettled.append(item)
    }

    private func deadRecords(
        _ record: Record, _ passport: Passport, _ envelope: Envelope?, _ failure: Failure, attempts: Int, at moment: Moment,
        digestOnly: Bool = false
    ) -> [Produced] {
        var records = [
            Produced.record(
                deadLetters.record(
                    for: record, passport, id: envelope?.id, failure: failure, attempts: attempts, at: moment.wall, digestOnly: digestOnly))
        ]
        do throws(Rejection) {
            if let error = try results.error(failure, of: record, passport, envelope: envelope, at: moment.wall) {
                records.append(.event(error))
            }
        } catch {
            log(.error, "\(contract.name): bot.error cannot be written: \(error.message)")
        }
        return records
    }

    /// - Parameter bytes: of the results, where they are known.
    func finishItem(_ job: Job, _ result: SettleItem.Result, _ results: [Produced], bytes: Int? = nil) {
        var records = results
        if job.isJournaled { records.append(stateRecord(journalKey(job), nil, of: job)) }
        switch result {
        case .retried, .dead: records.append(contentsOf: noteNotDone(job.record.offset, job.partition))
        default: break
        }
        let item = SettleItem(
            result, records: records, bytes: bytes.map { $0 + records[results.count...].reduce(0) { $0 + $1.byteCount } }, job: job,
            partition: job.partition, offset: job.record.offset)
        item.takenIn = job.takenIn
        item.state = job.state
        if case .done = result { item.events = job.made.events }
        job.isDecided = true
        uncount(job)
        unsettled.append(item)
        // Without a state nothing that comes after depends on this settlement, and settlements keep their order.
        if job.partition.role != .inbox { leaveLane(job) }
    }

    func count(_ job: Job) {
        guard !job.isCounted else { return }
        job.isCounted = true
        jobsWithCalls += 1
    }

    func uncount(_ job: Job) {
        guard job.isCounted else { return }
        job.isCounted = false
        jobsWithCalls -= 1
    }

    // MARK: the state topic

    private func journalKey(_ job: Job) -> StateKey {
        .journal(topic: job.record.topic, partition: job.record.partition, offset: job.record.offset)
    }

    /// The run as it stands, for whoever takes it up again.
    func journalRecord(_ job: Job) throws -> Produced {
        let entry = JournalEntry(
            event: job.event.envelope.id.text, now: job.firstNow.milliseconds, attempt: job.attempt,
            firstFailure: job.firstFailure?.milliseconds, resumes: job.resumes.count,
            produced: visible(job, isStepCounted: true), calls: try job.calls.map { try $0.call.recorded() }, outcomes: job.outcomes)
        return stateRecord(journalKey(job), try JSONCoder.bytes(entry), of: job)
    }

    private func stateRecord(_ key: StateKey, _ value: [UInt8]?, of job: Job) -> Produced {
        stateRecord(key, value, in: job.partition.topicPartition)
    }

    func stateRecord(_ key: StateKey, _ value: [UInt8]?, in topicPartition: TopicPartition) -> Produced {
        .record(OutgoingRecord(topic: settings.topics.state, partition: statePartition(of: topicPartition), key: key.bytes, value: value))
    }

    /// Notes that a record was settled other than done, and removes the notes that deduplication's window has passed.
    func noteNotDone(_ offset: Int64, _ partition: AssignedPartition) -> [Produced] {
        let (topic, number) = (partition.topicPartition.topic, partition.topicPartition.partition)
        guard remembers(partition), partitionCounts[settings.topics.state] != nil else { return [] }
        partition.notes.insert(offset, at: partition.notes.partitionPoint { $0 >= offset })
        var records = [
            stateRecord(.notDone(topic: topic, partition: number, offset: offset), Array("1".utf8), in: partition.topicPartition)
        ]
        let border = (partition.ledger.watermark ?? 0) - Int64(4 * settings.limits.dedupWindow)
        // Above a record that is open for long as well: more than so many finished ones lie above the others then.
        let most = 4 * settings.limits.dedupWindow + settings.limits.unsettledItems + settings.limits.heldItems
        // Not all at once: below a record that was open for long there may be very many.
        let passed = min(max(partition.notes.partitionPoint { $0 >= border }, partition.notes.count - most), Self.notesRemovedAtOnce)
        for first in partition.notes.prefix(passed) {
            records.append(stateRecord(.notDone(topic: topic, partition: number, offset: first), nil, in: partition.topicPartition))
        }
        partition.notes.removeFirst(passed)
        return records
    }

    /// More than are added at a time, so that they become fewer.
    private static let notesRemovedAtOnce = 100

    /// The broker refuses a step's results or its journal for good: the run ends as one that its bot rejects, its calls first.
    func giveUpStep(_ item: SettleItem, _ error: KafkaError, at moment: Moment) {
        guard let job = item.job, !item.isLost else { return }
        job.unsettledSteps -= 1
        guard !job.isDecided else { return }
        let visible = item.visibleCount(stateTopic: settings.topics.state)
        noteInvisible(item.records[visible...], of: job)
        for event in item.events(within: visible) { actions.append(.produced(event)) }
        uncommitted.delivered(item.deliveredResults)
        // Where it waits to be tried again in its place, it does so no more.
        for _ in again.remove(where: { $0 === job }) { unpark(job) }
        let rejection = Self.refusal(error)
        job.rejection = rejection
        reject(job, rejection, at: moment)
    }

    /// The broker refuses for good what is about no record: nothing else waits for it. A tick fires again later, as long as it is made up for.
    func giveUpOwn(_ item: SettleItem, _ error: KafkaError, at moment: Moment) {
        guard !item.isLost else { return }
        for produced in item.unwritten {
            log(.error, "\(contract.name): \(produced.topic) cannot be written: \(error)")
            if case .event(let tick) = produced, tick.topic == settings.topics.schedule {
                ticker.refused(tick.envelope.id, of: tick.envelope.timestamp, at: moment)
            }
        }
    }

    /// These are not visible, or do not count as such: whoever takes the record up again leaves out the first so many of each type.
    private func noteInvisible(_ records: ArraySlice<Produced>, of job: Job) {
        for produced in records where !produced.isAside {
            switch produced {
            case .event(let event): job.made.unsettled.add(event.envelope.type)
            case .record(let record): if record.topic == settings.topics.retry { job.made.unsettledReminders += 1 }
            }
        }
    }

    /// The code of a dead letter without the value.
    private static let oversized = "oversized"

    private static func refusal(_ error: KafkaError) -> Rejection {
        .permanent("output-refused", "the broker refused what the record led to: \(error)")
    }

    /// Replaces an item whose record the broker refuses for good by a dead letter; a dead letter that is refused for its size by one without the value. There is
    /// nothing smaller than that.
    func replaceRefused(_ item: SettleItem, _ error: KafkaError, at moment: Moment) -> SettleItem? {
        guard let source = item.source, let partition = item.concerned else { return nil }
        var isDead = false
        if case .dead(let code) = item.result {
            guard error.isRecordTooLarge, code != Self.oversized else { return nil }
            isDead = true
        }
        var passport = source.passport
        let visibleCount = item.visibleCount(stateTopic: settings.topics.state)
        if let job = item.job {
            if case .done = item.result {
                job.made.handOver()
                noteInvisible(item.records[visibleCount...], of: job)
            }
            passport.produced = visible(job)
        }
        let refusal = Self.refusal(error)
        let failure = Failure(code: isDead ? Self.oversized : refusal.code, message: refusal.message)
        var records = deadRecords(
            source.record, passport, source.envelope, failure, attempts: item.job?.attempt ?? source.passport.attempts, at: moment,
            digestOnly: isDead)
        // One of the dead letter that was too large is there already, or cannot be written.
        if isDead, item.done.contains(where: { item.records[$0].topic == BotErrorEvent.type.name }) {
            records.removeAll { $0.topic == BotErrorEvent.type.name }
        }
        if let job = item.job, job.isJournaled { records.append(stateRecord(journalKey(job), nil, of: job)) }
        records.append(contentsOf: noteNotDone(source.record.offset, partition))
        let replacement = SettleItem(
            .dead(code: failure.code), records: records, job: item.job, partition: partition, offset: source.record.offset, source: source,
            resultsBefore: isDead ? item.results : item.deliveredResults)
        replacement.takenIn = item.takenIn
        replacement.events = isDead ? item.events : item.events(within: visibleCount)
        item.job?.isDecided = true
        if let job = item.job { uncount(job) }
        log(
            .error, "\(contract.name): \(source.record.topicPartition)@\(source.record.offset): \(failure.message)",
            [("code", failure.code)])
        return replacement
    }
}
