import BotKit
import Envelopes
import Kafka

/// Assignment, restoration, revocation, and the flow of each partition.
extension Engine {
    /// Partitions were given to this process. Their records wait until they are `restored`.
    func assigned(_ topicPartitions: [TopicPartition]) {
        assignments += 1
        for topicPartition in topicPartitions {
            if let old = partitions[topicPartition] { lose(old) }
            partitions[topicPartition] = AssignedPartition(
                topicPartition, role: role(of: topicPartition), assignment: assignments,
                window: DedupWindow(capacity: settings.limits.dedupWindow))
        }
        forgetLastTaken()
        guard !topicPartitions.isEmpty else { return }
        actions.append(.restore(topicPartitions, assignment: assignments))
    }

    private func lose(_ partition: AssignedPartition) {
        partition.isLost = true
        _ = takeEarly(partition)
    }

    /// The record came before its partition was restored.
    func keepEarly(_ incoming: Incoming, _ partition: AssignedPartition) {
        partition.early.append(incoming)
        earlyBytes += incoming.record.byteCount
    }

    private func takeEarly(_ partition: AssignedPartition) -> [Incoming] {
        let early = partition.early
        partition.early = []
        for incoming in early { earlyBytes -= incoming.record.byteCount }
        return early
    }

    /// A partition that is lost is let go with its states, also if no record comes any more.
    private func forgetLastTaken() { if lastTaken?.isLost ?? false { lastTaken = nil } }

    private func role(of topicPartition: TopicPartition) -> AssignedPartition.Role {
        switch topicPartition.topic {
        case settings.topics.inbox: .inbox
        case settings.topics.retry: .retry
        default: bot.isStateful ? .forwarded : .event
        }
    }

    /// The partition of the bot's state topic that belongs to an input partition; nil when the topic does not exist.
    func statePartition(of topicPartition: TopicPartition) -> Int32? {
        partitionCounts[settings.topics.state].map { topicPartition.partition % max(1, $0) }
    }

    /// Whether a partition waits for this restoration. One that was asked for before the partition went and came back is out of date: somebody else had it.
    func awaits(_ restoration: Restoration) -> Bool {
        guard let partition = partitions[restoration.topicPartition] else { return false }
        return !partition.isRestored && partition.assignment == restoration.assignment
    }

    func restored(_ restoration: Restoration, at moment: Moment) {
        guard awaits(restoration), let partition = partitions[restoration.topicPartition] else { return }
        partition.ledger = ledger(restoration, of: partition)
        let state = restoration.state
        (partition.journals, partition.notes, partition.states) = (state.journals, state.notes, state.states)
        if state.unreadable > 0 {
            let place = "\(settings.topics.state)[\(partition.topicPartition.partition)]"
            log(.error, "\(contract.name): \(state.unreadable) states in \(place) cannot be read and count as not there")
        }
        // What was taken in before the consumer was put there comes again, or is gone.
        if restoration.putTo != nil { _ = takeEarly(partition) }
        if let offset = restoration.forgetFrom { forgetLost(partition, from: offset) }
        if !partition.isAnew { for (offset, identity) in restoration.history.done { remember(identity, of: offset, in: partition) } }
        if partition.topicPartition == ticker.home { for tick in restoration.history.ticks { ticker.note(tick) } }
        partition.isRestored = true
        ticker.owns(partition.topicPartition, at: moment)
        let early = takeEarly(partition)
        // Of one that is given up nothing more is begun: its next owner reads them.
        if !partition.isLeaving { for incoming in early { take(incoming, at: moment) } }
    }

    private func ledger(_ restoration: Restoration, of partition: AssignedPartition) -> OffsetLedger {
        let bytes = settings.limits.commitMetadataBytes
        guard let committed = restoration.committed, committed.offset >= 0 else { return OffsetLedger(metadataBytes: bytes) }
        var finished = CommitMetadata.finished(committed: committed.offset, in: committed.metadata)
        if partition.isAnew { note(restoration.history, from: restoration.forgetFrom ?? committed.offset, in: partition, &finished) }
        return OffsetLedger(committed: committed.offset, finished: finished, metadataBytes: bytes)
    }

    /// Adds what a log that was cut still has of what was done, from `offset` on. The first commit names it: whoever has the partition next does not have this window.
    private func note(_ history: Remembered, from offset: Int64, in partition: AssignedPartition, _ ranges: inout [ClosedRange<Int64>]) {
        for (place, identity) in history.done where place >= offset && partition.window.contains(identity) {
            if let last = ranges.last, last.upperBound == place - 1 {
                ranges[ranges.count - 1] = last.lowerBound...place
            } else {
                ranges.append(place...place)
            }
        }
    }

    /// The log was cut while it was read: what is under way of the partition is forgotten, as if it went to somebody else and came back. False when it cannot be
    /// now: what is being made visible of it must be known as done first.
    func restoreAnew(_ topicPartition: TopicPartition, _ cut: LogCut, at moment: Moment) -> Bool {
        guard let old = partitions[topicPartition], old.isRestored else { return false }
        if let inFlight, inFlight.isOut, inFlight.items.contains(where: { $0.concerned === old }) { return false }
        let isLeaving = old.isLeaving
        revoked([topicPartition], at: moment)
        assignments += 1
        let new = AssignedPartition(topicPartition, role: old.role, assignment: assignments, window: old.window, isAnew: true)
        new.isLeaving = isLeaving
        partitions[topicPartition] = new
        if old.isPaused { actions.append(.resume([topicPartition])) }
        actions.append(.restore([topicPartition], assignment: assignments, cut: cut))
        return true
    }

    /// The log was cut: what comes at this offset and above now is new, or read again. It is committed at once from where: who started only after more was written
    /// would take the end of that for it.
    private func forgetLost(_ partition: AssignedPartition, from offset: Int64) {
        partition.isDirty = true
        let (topic, number) = (partition.topicPartition.topic, partition.topicPartition.partition)
        let journals = partition.journals.keys.filter { $0 >= offset }.map { StateKey.journal(topic: topic, partition: number, offset: $0) }
        let notes = partition.notes.filter { $0 >= offset }.map { StateKey.notDone(topic: topic, partition: number, offset: $0) }
        partition.journals = partition.journals.filter { $0.key < offset }
        partition.notes.removeAll { $0 >= offset }
        let records = (journals + notes).map { stateRecord($0, nil, in: partition.topicPartition) }
        if !records.isEmpty { unsettled.append(SettleItem(.own, records: records, partition: partition)) }
    }

    /// A tick that stands in the log is not fired again, also when its record could not be handled.
    func noteTick(_ incoming: Incoming) {
        guard !routes.schedules.isEmpty, incoming.record.topic == settings.topics.schedule else { return }
        if let content = incoming.readable { ticker.note(content.event.envelope.id) }
    }

    /// Whether the partition's records are handled there: what is only forwarded is remembered by the inbox.
    func remembers(_ partition: AssignedPartition) -> Bool {
        switch partition.role {
        case .event, .inbox: true
        case .forwarded: false
        case .retry: !bot.isStateful
        }
    }

    /// Notes the identity of a record that was settled done before this process had the partition.
    func remember(_ identity: Identity, of offset: Int64, in partition: AssignedPartition) {
        guard remembers(partition) else { return }
        let place = partition.notes.partitionPoint { $0 >= offset }
        guard place == partition.notes.count || partition.notes[place] != offset else { return }
        if !partition.window.renew(identity) { partition.window.insert(identity) }
    }

    /// The partitions are about to be given up: nothing new is begun on them. `isQuiet` tells when what was decided is settled.
    func leaving(_ topicPartitions: [TopicPartition]) {
        for topicPartition in topicPartitions { partitions[topicPartition]?.isLeaving = true }
        let gone = Set(topicPartitions)
        for job in lanes.removeWaiting(where: { gone.contains($0.partition.topicPartition) }) { waitingBytes -= job.bytes }
        takeBackResumes { gone.contains($0.topicPartition) }
        // Until the next join it can go out: also the others' offsets, without which their results would wait in that join.
        uncommitted.waitsNoMore()
        // Nor is there time to wait after a settlement that failed.
        settleAgain.at = 0
    }

    /// Whether nothing is unfinished of these partitions.
    func isQuiet(_ topicPartitions: [TopicPartition]) -> Bool { unfinished(of: topicPartitions).isEmpty }

    /// Those of these partitions for which something that was decided still waits for its settlement, or of which the log is not known that was cut. At-least-once a commit
    /// that is under way may yet be refused: there is time to repeat it now, and never again. What has no room in its partition's commit is given back: nothing is
    /// begun that could make room.
    private func unfinished(of topicPartitions: some Collection<TopicPartition>) -> Set<TopicPartition> {
        var unfinished = uncommitted.askedPartitions.union(inFlight?.moved ?? [])
        for job in toTell.elements { unfinished.insert(job.partition.topicPartition) }
        for items in [inFlight?.items ?? [], unsettled.elements] {
            for item in items { if let partition = item.concerned { unfinished.insert(partition.topicPartition) } }
        }
        return Set(topicPartitions.filter { unfinished.contains($0) || (partitions[$0].map { $0.isDirty || $0.isCut } ?? false) })
    }

    /// Says of which of these partitions something is unfinished although the time for it is over, if any.
    func tellWhatIsUnfinished(of topicPartitions: some Collection<TopicPartition>, after time: String) {
        let names = unfinished(of: topicPartitions).map(\.description).sorted()
        guard !names.isEmpty else { return }
        log(.warn, "\(contract.name): \(time) \(RuntimeSettings.tooShortToSettle)", [("partitions", names.joined(separator: " "))])
    }

    /// The partitions are gone: whatever was under way for them is forgotten, and its calls are cancelled. The next owner finds the journal.
    func revoked(_ topicPartitions: [TopicPartition], at moment: Moment) {
        // What comes of a settlement is noted, and nothing is begun any more.
        for topicPartition in topicPartitions { partitions[topicPartition]?.isLeaving = true }
        actOnCommitted(at: moment)
        let gone = Set(topicPartitions)
        for topicPartition in topicPartitions {
            if let old = partitions.removeValue(forKey: topicPartition) { lose(old) }
            ticker.lost(topicPartition)
        }
        forgetLastTaken()
        for job in lanes.removeLanes(where: { gone.contains($0.topicPartition) }) { waitingBytes -= job.bytes }
        var jobs = begun
        for job in ((inFlight?.items ?? []) + held.elements + unsettled.elements).compactMap(\.job) { jobs[job.id] = job }
        for job in jobs.values where job.partition.isLost { abandon(job) }
        for twin in inProgress.removeTwins(where: { $0.partition.isLost }) { unpark(twin) }
        unsettled.removeLost()
        held.removeLost()
        _ = schedule.remove { $0.partition.isLost }
        for (job, _) in again.remove(where: { $0.partition.isLost }) { unpark(job) }
    }

    /// Forgets a job that was begun; its running calls are cancelled.
    private func abandon(_ job: Job) {
        for (place, call) in job.calls.enumerated() where call.phase == .running {
            _ = breakers.change(call.dependency) { $0.ended(call.permit) }
            actions.append(.cancelCall(job.reference(place)))
        }
        uncount(job)
        begun[job.id] = nil
        for twin in endProgress(of: job) where !twin.partition.isLost { putBack(twin) }
        waitingCalls.removeAll(of: job)
    }

    /// Pauses what cannot be taken in and resumes what can; polling goes on all the while.
    func steerFlow(at moment: Moment) {
        fullSince = isFull ? fullSince ?? moment.uptime : nil
        let isFull = fullSince.map { moment.uptime - $0 >= settings.limits.holdBack } ?? false
        let hasSpace = waitingCount <= settings.limits.waitingRecords / 2 && waitingBytes <= settings.limits.waitingBytes / 2
        var pause: [TopicPartition] = []
        var resume: [TopicPartition] = []
        for (topicPartition, partition) in partitions {
            let must = partition.isLeaving || isPaused || draining != nil || !hasRoom(partition)
            if !partition.isPaused, must || isFull {
                partition.isPaused = true
                pause.append(topicPartition)
            } else if partition.isPaused, !must, fullSince == nil, hasSpace, hasAmpleRoom(partition) {
                partition.isPaused = false
                resume.append(topicPartition)
            }
        }
        if !pause.isEmpty { actions.append(.pause(pause.sorted())) }
        if !resume.isEmpty { actions.append(.resume(resume.sorted())) }
    }

    /// Whether the partition itself has room for more: of a retry partition's records many wait for their time, and none is handled before its restoration.
    func hasRoom(_ partition: AssignedPartition) -> Bool {
        (partition.isRestored || hasRoomEarly(partition)) && partition.waiting < settings.limits.waitingPerRetryPartition
            && partition.waitingBytes < settings.limits.waitingBytesPerRetryPartition
    }

    private func hasRoomEarly(_ partition: AssignedPartition) -> Bool {
        partition.early.count < settings.limits.earlyRecords && earlyBytes < settings.limits.earlyBytes
    }

    /// Whether a retry partition that was full has so much room again that more are read.
    func hasAmpleRoom(_ partition: AssignedPartition) -> Bool {
        partition.isRestored && partition.waiting <= settings.limits.waitingPerRetryPartition * 9 / 10
            && partition.waitingBytes <= settings.limits.waitingBytesPerRetryPartition * 9 / 10
    }
}
