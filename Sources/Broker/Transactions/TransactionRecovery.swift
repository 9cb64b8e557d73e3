import KafkaProtocol

/// What the coordinator does at the broker's start, and by the clock.
extension TransactionCoordinator {
    /// Reads the log. What was decided is completed as soon as the scheduler runs, so the partitions may be opened after this.
    /// - Parameter largestProducerID: that any partition knows, or -1; ids up to it are not given again even if the log has lost their reservation.
    func load(largestProducerID: Int64 = -1) throws(ErrorCode) {
        let (found, reserved) = try read()
        let known = max(largestProducerID, found.values.reduce(-1) { max($0, $1.producerID) })
        // Unless each append is synced, a power cut can take the last reservation, whose first ids may be in use: one block more is left out.
        let used = max(reserved, known &+ 1)
        adopt(found, producerIDsFrom: used <= 0 ? 0 : used.addingReportingOverflow(settings.producerIDBlock).partialValue)
        var (ongoing, prepared) = (0, 0)
        for transaction in transactions.values.sorted(by: { $0.id < $1.id }) {
            switch transaction.metadata.state {
            case .ongoing:
                ongoing += 1
                watch(transaction, after: remaining(transaction.metadata))
            case .prepareCommit, .prepareAbort:
                prepared += 1
                resume(transaction)
            default: break
            }
        }
        if ongoing + prepared > 0 { report(.recovered(ongoing: ongoing, prepared: prepared)) }
        scheduleExpiration()
    }

    private func read() throws(ErrorCode) -> (found: [String: TransactionMetadata], reserved: Int64) {
        var found: [String: TransactionMetadata] = [:]
        var reserved: Int64 = 0
        var unreadable: TransactionNotice?
        try log.replay { entry in
            guard case .record(let record, _, let offset, _) = entry else { return }
            do throws(WireError) {
                switch try TransactionLogRecord.read(record) {
                case .transaction(let id, let metadata): found[id] = metadata
                case .producerIDs(let end): reserved = max(reserved, end)
                case .unknown: break
                }
            } catch {
                unreadable = .unreadable(offset: offset, reason: error.description)
            }
        }
        if let unreadable {
            report(unreadable)
            throw .corruptMessage
        }
        return (found, reserved)
    }

    private func remaining(_ metadata: TransactionMetadata) -> Int64 {
        let timeout = Int64(max(0, metadata.timeoutMs))
        let (passed, overflows) = scheduler.wallClock.subtractingReportingOverflow(metadata.startTimestamp)
        // A clock that was set back does not give it more.
        return overflows || passed < 0 ? timeout : max(0, timeout - min(passed, timeout))
    }

    private func resume(_ transaction: Transaction) {
        transaction.unmarked = transaction.metadata.partitions
        transaction.isResumed = true
        transaction.pending = transaction.metadata.state == .prepareCommit ? .completeCommit : .completeAbort
        setTimer(
            transaction,
            scheduler.schedule(after: 0) { [self] in
                transaction.timer = nil
                complete(transaction)
            })
    }

    /// Aborts what partitions hold open and no transaction here has a part in: without a sync of each append a power cut can leave that behind, and nobody
    /// else would end it. For after `load`, with all that the partitions know to be open.
    func abortOrphans(_ open: [OpenTransaction]) {
        orphans = open.filter { open in
            let metadata = byProducer[open.producer.id]?.metadata
            return metadata?.owns(open.partition, from: open.firstOffset, epoch: open.producer.epoch) != true
        }
        abortOrphans(delay: settings.retryMs)
    }

    /// Whether the partition holds an open transaction of the producer that is still to be aborted.
    func isOrphaned(_ partition: TopicPartition, _ producerID: Int64) -> Bool {
        orphans.contains { $0.partition == partition && $0.producer.id == producerID }
    }

    private func abortOrphans(delay: Int64) {
        orphans = orphans.filter { !abort($0) }
        guard !orphans.isEmpty else { return }
        counts.retries += 1
        scheduler.schedule(after: delay) { [self] in abortOrphans(delay: min(settings.maximumRetryMs, delay * 2)) }
    }

    /// Whether it is ended.
    private func abort(_ orphan: OpenTransaction) -> Bool {
        let (partition, producer) = (orphan.partition, orphan.producer)
        let epoch = max(producer.epoch, byProducer[producer.id]?.metadata.producerEpoch ?? producer.epoch)
        do {
            try participants.endTransaction(partition, producerID: producer.id, epoch: epoch, commit: false, coordinatorEpoch: 0)
            report(.orphan(partition, producerID: producer.id))
            return true
        } catch {
            return error == .unknownTopicOrPartition
        }
    }

    private func scheduleExpiration() {
        scheduler.schedule(after: settings.expirationIntervalMs) { [self] in
            expire()
            scheduleExpiration()
        }
    }

    /// Forgets the ids that were not used for long; what cannot be written waits for the next time.
    private func expire() {
        let latest = scheduler.wallClock - settings.idExpirationMs
        var expired = transactions.values.filter {
            $0.pending == nil && $0.metadata.state.isIdle && $0.metadata.updateTimestamp <= latest
        }[...]
        while !expired.isEmpty {
            let batch = expired.prefix(500)
            do { try log.append(batch.map { TransactionLogRecord.transaction($0.id, nil) }) } catch { return }
            for transaction in batch { forget(transaction) }
            counts.expired += batch.count
            expired = expired.dropFirst(batch.count)
        }
    }
}
