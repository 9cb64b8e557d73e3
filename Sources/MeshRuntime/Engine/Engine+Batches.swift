import BotKit
import Envelopes
import Kafka

/// settle: groups what is decided into one transaction at a time, and acts on what became of it.
extension Engine {
    /// Asks for the next settlement when none is under way. What is decided meanwhile goes together into the one after it.
    func settleNext(at moment: Moment) {
        guard moment.uptime >= settleAgain.at else { return }
        if let current = inFlight {
            guard !current.isOut else { return }
            // The one that failed again: the same results, the offsets taken anew.
            send(current.items.filter { !$0.isLost }, at: moment)
            return
        }
        commitDelivered(at: moment)
        guard isSettlementDue(at: moment) else { return }
        send(nextItems(at: moment), at: moment)
        lastSettle = moment.uptime
    }

    /// Few results are settled at once. Many wait a while for more, so that a transaction's fixed cost is shared, as long as more are coming.
    private func isSettlementDue(at moment: Moment) -> Bool {
        let isTime = moment.uptime - lastSettle >= settings.limits.commitInterval
        guard !unsettled.isEmpty || !held.isEmpty else { return (isTime || isGivingUp) && hasMovedAlone }
        guard batchItems > 0 else { return false }
        let isLight = !unsettled.isEmpty && unsettled.count <= settings.limits.lightBatch
        let isMuch = unsettled.count >= batchItems || unsettled.bytes >= settings.limits.batchBytes
        return isTime || isGivingUp || inputsPause || isLight || isMuch
    }

    /// Whether partitions are about to go to somebody else: nothing waits then.
    var isGivingUp: Bool { draining != nil || partitions.values.contains { $0.isLeaving } }

    /// Whether the partition goes to somebody else in order: nothing new is begun there.
    func isGoing(_ partition: AssignedPartition) -> Bool { draining != nil || partition.isLeaving }

    /// Whether offsets have moved without a result, which only a transaction can commit.
    private var hasMovedAlone: Bool {
        settings.delivery == .exactlyOnce && partitions.values.contains { $0.isDirty && $0.isRestored }
    }

    /// The most results of one settlement.
    private var batchItems: Int {
        let limits = settings.limits
        guard settings.delivery == .atLeastOnce else { return limits.batchItems }
        return min(limits.batchItems, limits.repeatableItems, uncommitted.room(in: limits.dedupWindow))
    }

    /// What the next settlement takes: first what was held and has room now. What shares a key with a held one is held too, so that a key keeps its order;
    /// but for the lowest record, for which the others wait (in a retry partition, where there is no order, it may have come after them).
    private func nextItems(at moment: Moment) -> [SettleItem] {
        var items: [SettleItem] = []
        var (results, bytes) = (0, 0)
        let most = batchItems
        var isFull: Bool { results >= most || bytes >= settings.limits.batchBytes }
        var lanes: Set<LaneKey> = []
        var stillHeld = SettleQueue()
        func hold(_ item: SettleItem) {
            stillHeld.append(item)
            guard let job = item.job else { return }
            lanes.insert(job.lane)
            if case .step = item.result {
                giveUpPlace(of: job, at: moment)
                carryOnLowest(behind: job)
            }
            endLowestTwin(of: job, item.result)
            for twin in job.twins { carryOnLowest(behind: twin) }
        }
        func take(_ item: SettleItem) {
            guard !item.isLost else { return }
            if let job = item.job, !lanes.isEmpty, !job.isLowest, lanes.contains(job.lane) { return hold(item) }
            guard !isFull, finish(item) else { return hold(item) }
            results += item.results
            bytes += item.bytes
            items.append(item)
        }
        for item in held.elements { take(item) }
        while !isFull, let item = unsettled.popFirst() { take(item) }
        held = stillHeld
        return items
    }

    /// Whether more results may be held for want of room in their partition's commit.
    var hasRoomToHold: Bool { held.count < settings.limits.heldItems && held.bytes < settings.limits.heldItemBytes }

    /// Finishes the item's offset. False when what the commit would have to carry is too large: then the item waits until the watermark moves.
    private func finish(_ item: SettleItem) -> Bool {
        guard let partition = item.partition, let offset = item.offset else { return true }
        guard partition.ledger.canFinish(offset) else { return false }
        partition.ledger.finish(offset)
        return true
    }

    /// Where a copy of the held job waits for what becomes of it, and is what keeps a commit from moving on, the two could wait for each other: the copy's turn
    /// ends here. It is a repeat of what is done; otherwise it goes to the end of the retry topic, to be handled once more.
    private func endLowestTwin(of job: Job, _ result: SettleItem.Result) {
        guard let place = job.twins.firstIndex(where: \.isLowest) else { return }
        let twin = job.twins.remove(at: place)
        unpark(twin)
        leaveLane(twin)
        // Not done by itself: after a restart before the held result is settled, it must not be taken for it.
        let note = noteNotDone(twin.record.offset, twin.partition)
        if case .done = result {
            return unsettled.append(SettleItem(.repeated, records: note, partition: twin.partition, offset: twin.record.offset))
        }
        let copy = Produced.record(ownRecords.retry(twin.record, twin.passport, key: twin.record.key))
        unsettled.append(
            SettleItem(
                .carriedOn, records: [copy] + note, partition: twin.partition, offset: twin.record.offset,
                source: .init(record: twin.record, passport: twin.passport)))
    }

    /// In a retry partition, where there is no order, the record that keeps a commit from moving on may wait in the lane of a run whose step is held for want of room
    /// in that commit, or of a copy that waits for what is held: they would wait for each other. It goes to the end of the partition.
    private func carryOnLowest(behind job: Job) {
        guard job.partition.role == .retry, job.isInLane, let lowest = lanes.remove(behind: job.lane, where: \.isLowest) else { return }
        waitingBytes -= lowest.bytes
        unsettled.append(carriedOn(lowest.record, lowest.passport, lowest.partition))
    }

    private func send(_ items: [SettleItem], at moment: Moment) {
        // In a transaction a step's partition too, whose offset does not move: with it goes the member's generation, and who has lost the partition is refused.
        for item in items where item.offset != nil || settings.delivery == .exactlyOnce { item.concerned?.isDirty = true }
        let offsets = settings.delivery == .exactlyOnce ? takeOffsets() : [:]
        guard !items.isEmpty || !offsets.isEmpty else {
            inFlight = nil
            dropTrouble()
            return
        }
        inFlight = InFlight(batch: nextBatch, since: moment.uptime, items: items, moved: Array(offsets.keys))
        let records = items.map(\.unwritten)
        let bytes = records.reduce(0) { $1.reduce($0) { $0 + $1.byteCount } }
        actions.append(.settle(SettleBatch(id: nextBatch, records: records, bytes: bytes, offsets: offsets)))
        nextBatch += 1
    }

    /// The offsets of every partition that has moved.
    func takeOffsets() -> [TopicPartition: CommittedOffset] {
        var offsets: [TopicPartition: CommittedOffset] = [:]
        for (topicPartition, partition) in partitions where partition.isDirty && partition.isRestored {
            guard let commit = partition.ledger.committable else { continue }
            offsets[topicPartition] = CommittedOffset(
                offset: commit.offset, metadata: CommitMetadata.text(committed: commit.offset, finished: commit.finished))
            partition.isDirty = false
        }
        return offsets
    }

    /// What became of the batch that was asked for last.
    func settled(_ batch: UInt64, _ outcome: SettleOutcome, at moment: Moment) {
        guard let current = inFlight, current.batch == batch else { return }
        switch outcome {
        case .committed:
            inFlight = nil
            endTrouble()
            settleAgain = (moment.uptime, 0)
            if settings.delivery == .atLeastOnce { uncommitted.delivered(current.items.reduce(0) { $0 + $1.results }) }
            for item in current.items { committed.append(item) }
            actOnNextCommitted(at: moment)
        case .failure(let failure):
            figures.failedSettling()
            if let last = failure.lastBegun {
                for item in current.items[..<last.item] { item.markOvertaken(before: .max) }
                current.items[last.item].markOvertaken(before: last.record)
            }
            for (item, places) in failure.delivered { current.items[item].delivered(places) }
            noteUnknown(failure.unknown)
            for topicPartition in current.moved { partitions[topicPartition]?.isDirty = true }
            inFlight?.isOut = false
            let before = settleAgain.pause
            let pause = min(max(50, before * 2), 2_000)
            settleAgain = (moment.uptime + pause, pause)
            noteTrouble(failure.error, of: current.items.count, failure.unwritten, pause: pause, at: moment)
            // What is tried next is not the same: there is nothing to wait for.
            if actOnRefusals(failure.unwritten, at: moment) || failure.isAnotherWay { settleAgain = (moment.uptime, before) }
        }
    }

    /// Replaces every item that the broker refuses for good. Whether there were any.
    private func actOnRefusals(_ unwritten: [Unwritten], at moment: Moment) -> Bool {
        var given: [(item: SettleItem, error: KafkaError)] = []
        var dropped: [SettleItem] = []
        var isChanged = false
        // A report may come late, of a batch that had more.
        let count = inFlight?.items.count ?? 0
        for (place, failures) in Dictionary(grouping: unwritten, by: \.item).sorted(by: { $0.key < $1.key }) where place < count {
            guard let item = inFlight?.items[place] else { continue }
            let (failures, isShorter) = leaveOutRefusedError(of: item, failures)
            isChanged = isChanged || isShorter
            guard let error = failures.lazy.map(\.error).first(where: \.isRefusal), !failures.contains(where: waitsForTopic) else {
                continue
            }
            if case .step = item.result {
                given.append((item, error))
            } else if case .own = item.result {
                dropped.append(item)
                giveUpOwn(item, error, at: moment)
            } else if let replacement = replaceRefused(item, error, at: moment) {
                inFlight?.items[place] = replacement
                isChanged = true
            }
        }
        guard !given.isEmpty || !dropped.isEmpty else { return isChanged }
        inFlight?.items.removeAll { item in given.contains { $0.item === item } || dropped.contains { $0 === item } }
        for (item, error) in given { giveUpStep(item, error, at: moment) }
        return true
    }

    /// What only tells of a dead letter does not hold it up. What else of the item cannot be written; and whether it was left out.
    private func leaveOutRefusedError(of item: SettleItem, _ failures: [Unwritten]) -> (rest: [Unwritten], isLeftOut: Bool) {
        let topic = BotErrorEvent.type.name
        guard case .dead = item.result, let failure = failures.first(where: { $0.topic == topic && $0.error.isRefusal }) else {
            return (failures, false)
        }
        log(.error, "\(contract.name): \(BotErrorEvent.type) cannot be written: \(failure.error)")
        item.leaveOut(topic)
        return (failures.filter { $0.topic != topic }, true)
    }

    /// Whether the item waits, and the commit with it, for a topic of the bot's own that cannot be written: that is no fault of the record, whatever became of it.
    private func waitsForTopic(_ failure: Unwritten) -> Bool {
        let topics = settings.topics
        return failure.error.isTopicRefused && [topics.retry, topics.inbox, topics.state].contains(failure.topic)
    }

    /// Acts on the next portion of what was committed; on all of it when partitions go to somebody else, who waits for what comes of it.
    func actOnNextCommitted(at moment: Moment) {
        guard !committed.isEmpty else { return }
        var left = isGivingUp ? committed.count : settings.limits.committedAtOnce
        while left > 0, let item = committed.popFirst() {
            left -= 1
            if !item.isLost { visible(item, at: moment) }
        }
    }

    /// Acts on all that was committed, in order.
    func actOnCommitted(at moment: Moment) { while let item = committed.popFirst() { if !item.isLost { visible(item, at: moment) } } }

    /// The item's results can be seen by everybody.
    private func visible(_ item: SettleItem, at moment: Moment) {
        if !configuration.outputs.isEmpty { for event in item.events { actions.append(.produced(event)) } }
        switch item.result {
        case .step:
            guard let job = item.job else { return }
            job.unsettledSteps -= 1
            if job.unsettledSteps == 0 { job.giveBackSettling(at: moment.uptime) }
            guard job.unsettledSteps == 0, !job.calls.isEmpty, !job.isDecided else { return }
            // Whoever has it next makes its calls; that this owner took it up is not held against it.
            if isGoing(job.partition) { countResume(of: job, false) } else { startCalls(of: job, at: moment) }
            toTell.append(job)
            return
        case .done:
            let processing = moment.uptime - (item.takenIn?.uptime ?? moment.uptime)
            let endToEnd = item.job.map { moment.wall.milliseconds - $0.timestamp.milliseconds } ?? processing
            figures.settledDone(processing: processing, endToEnd: max(0, endToEnd), at: moment.uptime)
        case .retried: figures.settledRetry(at: moment.uptime)
        case .dead: figures.settledDead(at: moment.uptime)
        case .skipped: figures.skippedReplay()
        case .forwarded: figures.forwardedOne()
        case .carriedOn, .repeated, .own: break
        }
        if let job = item.job { close(job, item, at: moment) }
    }

    private func close(_ job: Job, _ item: SettleItem, at moment: Moment) {
        let partition = job.partition
        if !begun.isEmpty { begun[job.id] = nil }
        finished.append(job.incoming)
        switch item.result {
        case .done, .skipped:
            partition.window.insert(job.identity)
            if let origin = job.incoming.otherOrigin { partitions[origin]?.window.insert(job.identity) }
        default: break
        }
        if case .done = item.result, let aggregate = job.aggregate {
            partition.states[aggregate] = item.state
        }
        let twins = endProgress(of: job)
        if partition.role == .inbox { leaveLane(job) }
        guard draining == nil else { return }
        // The first that goes on has the others wait behind it again.
        for twin in twins where !twin.partition.isLost && !twin.partition.isLeaving {
            // Who only waits behind another again needs no place.
            if inProgress[twin.identity] != nil || hasPlace(at: moment) { begin(twin, at: moment) } else { putBack(twin) }
        }
    }
}
