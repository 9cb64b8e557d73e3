import BotKit
import Envelopes
import Kafka

/// decode → validate → deduplicate → route → lane.
extension Engine {
    /// Takes a record in, in the order of its partition.
    func take(_ incoming: Incoming, at moment: Moment) {
        guard let partition = assigned(incoming.record.topicPartition) else { return }
        guard partition.isRestored else {
            keepEarly(incoming.undecided, partition)
            return pauseWithoutRoom(partition)
        }
        guard partition.begin(incoming.record.offset, incoming.record.timestamp) else {
            // It was finished before: its restoration has remembered it.
            partition.isDirty = true
            return
        }
        figures.tookIn()
        noteTick(incoming)
        if partition.role == .retry, let carried = incoming.carried, let wait = timeLeft(carried.passport, at: moment) {
            partition.waits(incoming.record)
            schedule.insert(
                WaitingRecord(record: incoming.record, carried: carried, partition: partition), due: moment.uptime + wait)
        } else {
            admit(incoming, partition, at: moment)
        }
        pauseWithoutRoom(partition)
    }

    /// The partition, if this process owns it. Records come many from one partition at a time: the last one is looked at first.
    private func assigned(_ topicPartition: TopicPartition) -> AssignedPartition? {
        if let last = lastTaken, !last.isLost, last.topicPartition == topicPartition { return last }
        lastTaken = partitions[topicPartition]
        return lastTaken
    }

    private func pauseWithoutRoom(_ partition: AssignedPartition) {
        guard !partition.isPaused, !hasRoom(partition) else { return }
        partition.isPaused = true
        actions.append(.pause([partition.topicPartition]))
    }

    /// Retry records whose time has come, and jobs that are tried again in their place.
    func takeDue(at moment: Moment) {
        guard draining == nil, !isPaused else { return }
        // First, and without asking for room to wait: what fills the lanes may wait for these.
        while hasPlace(at: moment), let job = again.takeDue(at: moment.uptime) {
            // Its last attempt is not noted yet: the next would be settled beside its note.
            guard job.unsettledSteps == 0 else {
                again.insert(job, due: moment.uptime + 100)
                continue
            }
            unpark(job)
            guard !job.partition.isLost, !job.partition.isLeaving else { continue }
            begin(job, at: moment)
        }
        while waitingCount < settings.limits.waitingRecords, let due = schedule.takeDue(at: moment.uptime) {
            // A retry has waited for as long as its policy says; another record waits for its hour, and is only looked at now and then.
            if !due.passport.isRetry, !due.partition.isLost, let wait = timeLeft(due.passport, at: moment) {
                schedule.insert(due, due: moment.uptime + wait)
                continue
            }
            due.partition.waitsNoMore(due.record)
            guard !due.partition.isLost, !due.partition.isLeaving else { continue }
            admit(decoder.decode(due.record, due.carried), due.partition, at: moment)
        }
    }

    /// How long the record waits for its time, in milliseconds; nil when that has come.
    ///
    /// The time stands in the record, by the wall clock of whoever wrote it, and either clock may have been off: a retry never waits longer than its policy's
    /// longest delay. A reminder may lie far ahead, so that the clock is asked again meanwhile.
    private func timeLeft(_ passport: Passport, at moment: Moment) -> Int64? {
        guard let due = passport.notBefore, due > moment.wall else { return nil }
        let most = passport.isRetry ? max(0, retryPolicy.maximumDelay.wholeMilliseconds) : Self.longestSleep
        return min(due.milliseconds - moment.wall.milliseconds, most)
    }

    /// In milliseconds.
    private static var longestSleep: Int64 { 60_000 }

    /// To the lane, or to whatever else becomes of the record.
    private func admit(_ incoming: Incoming, _ partition: AssignedPartition, at moment: Moment) {
        do throws(Rejection) {
            let content = try incoming.content.get()
            if isDone(content.identity, incoming, partition) { return skipRepeat(content.identity, incoming, partition) }
            guard let priority = try priority(of: incoming, content, partition) else {
                figures.sawFiltered()
                return leaveOut(incoming.record, partition)
            }
            if partition.role == .forwarded || (partition.role == .retry && bot.isStateful) {
                return try forward(incoming, content.event, priority, partition, at: moment)
            }
            append(incoming, content, priority, partition, at: moment)
        } catch {
            let passport = incoming.passport
            settleDead(
                incoming.record, passport, incoming.readable?.event.envelope, Failure(error), attempts: passport.attempts, partition,
                at: moment)
        }
    }

    /// How urgent the record is; nil when no trigger chooses it.
    private func priority(of incoming: Incoming, _ content: Incoming.Content, _ partition: AssignedPartition) throws(Rejection) -> Priority?
    {
        // A replay for this bot alone comes by its retry topic, and no trigger has chosen it yet.
        let isFirstOfReplay = content.isReplayed && incoming.attempts == 0
        let isRouted =
            incoming.carried?.passport.reminder != nil || partition.role == .inbox || partition.role == .retry && !isFirstOfReplay
        if isRouted { return incoming.carried?.passport.priority ?? content.event.envelope.priority }
        return switch content.decision {
        case .filtered: nil
        case .handled(let handled): handled.priority
        case nil: try routes.priority(of: content.event.envelope, codec)
        }
    }

    /// Whether a record of that identity was settled done, in this partition or in the one that the record came from first.
    func isDone(_ identity: Identity, _ incoming: Incoming, _ partition: AssignedPartition) -> Bool {
        guard remembers(partition) else { return false }
        if partition.window.contains(identity) { return true }
        guard let origin = incoming.otherOrigin else { return false }
        return partitions[origin]?.window.contains(identity) ?? false
    }

    /// It was settled done before, and is remembered anew.
    func skipRepeat(_ identity: Identity, _ incoming: Incoming, _ partition: AssignedPartition) {
        figures.sawDuplicate()
        if !partition.window.renew(identity) { partition.window.insert(identity) }
        if let origin = incoming.otherOrigin { partitions[origin]?.window.renew(identity) }
        skip(incoming.record, partition)
    }

    private func append(
        _ incoming: Incoming, _ content: Incoming.Content, _ priority: Priority, _ partition: AssignedPartition, at moment: Moment
    ) {
        let job = Job(
            id: nextJob, partition: partition, incoming: incoming, content: content, bot: contract.name, priority: priority, takenIn: moment
        )
        nextJob += 1
        partition.jobs += 1
        if canBeginAtOnce(job, at: moment) {
            begin(job, isKnownNew: true, at: moment)
            closeLane(of: job)
        } else {
            waitingBytes += job.bytes
            job.isInLane = true
            lanes.append(job, to: job.lane, priority: priority, goesFirst: mayBeRepeated(partition))
        }
    }

    /// Whether the record that was taken in last may be one whose result an owner before has delivered and not committed. There are no more of them than a window has
    /// results; between them are records that were not done yet.
    private func mayBeRepeated(_ partition: AssignedPartition) -> Bool {
        settings.delivery == .atLeastOnce && partition.jobs <= 2 * settings.limits.dedupWindow
    }

    /// Whether nothing waits before the job, so that it needs no lane to wait in.
    private func canBeginAtOnce(_ job: Job, at moment: Moment) -> Bool {
        guard lanes.isEmpty, mayBegin, !again.isDue(at: moment.uptime), hasRoomToHold, lanes.isFree(job.lane) else { return false }
        return limiter?.hasToken(at: moment.uptime) ?? true
    }

    /// A job that was begun at once and goes on keeps the next of its key waiting.
    private func closeLane(of job: Job) {
        guard !job.hasLeftLane else { return }
        job.isInLane = true
        lanes.close(job.lane)
    }

    /// A stateful bot's input goes to the bot's own topic first, keyed by its aggregate.
    private func forward(
        _ incoming: Incoming, _ event: Event, _ priority: Priority, _ partition: AssignedPartition, at moment: Moment
    ) throws(Rejection) {
        let record = incoming.record
        var passport = incoming.passport
        if priority != event.envelope.priority { passport.priority = priority }
        let aggregate =
            if let known = passport.aggregate { known } else { try bot.aggregate(of: event) }
        let item = SettleItem(
            .forwarded, records: [.record(ownRecords.forwarded(record, passport, aggregate: aggregate))], partition: partition,
            offset: record.offset,
            source: .init(record: record, passport: passport, envelope: event.envelope))
        item.takenIn = moment
        unsettled.append(item)
    }

    /// The record was handled before: only its offset moves, now or as soon as its partition's commit has room for it.
    func skip(_ record: Record, _ partition: AssignedPartition) {
        guard partition.ledger.canFinish(record.offset) else {
            return unsettled.append(SettleItem(.repeated, records: [], partition: partition, offset: record.offset))
        }
        partition.ledger.finish(record.offset)
        partition.isDirty = true
    }

    /// No trigger chooses the record. Who reads it again after a restart leaves it out again, so that a commit need not name it.
    private func leaveOut(_ record: Record, _ partition: AssignedPartition) {
        partition.ledger.leaveOut(record.offset)
        partition.isDirty = true
    }
}
