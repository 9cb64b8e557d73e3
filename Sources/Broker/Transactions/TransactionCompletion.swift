import KafkaProtocol

/// How a transaction ends: by its producer, by its time-out, or after a start.
extension TransactionCoordinator {
    /// The coordinator's place is always this broker, so its epoch never grows.
    private static let coordinatorEpoch: Int32 = 0

    /// Goes through the steps of an end.
    /// - Parameters:
    ///   - next: in a prepared state.
    ///   - decided: told `none` when nothing can change the outcome any more, or why there is no end.
    ///   - ended: told `none` when the end is durable in all partitions; something else when that has to wait.
    func end(
        _ transaction: Transaction, as next: TransactionMetadata, decided: @escaping (ErrorCode) -> Void,
        ended: @escaping (ErrorCode) -> Void = { _ in }
    ) {
        var next = next
        for partition in next.partitions { next.ends[partition] = participants.endOffset(partition) }
        // An epoch that is raised must be in the log before it is in a partition.
        let isFence = next.producerEpoch != transaction.metadata.producerEpoch
        transit(transaction, to: next, when: isFence ? durability.whenSynced : nil) { [self, partitions = next.partitions] error in
            decided(error)
            guard error == .none else { return }
            transaction.unmarked = partitions
            complete(transaction, ended)
        }
    }

    /// Writes the markers that are missing, and what comes after them.
    func complete(_ transaction: Transaction, _ ended: @escaping (ErrorCode) -> Void = { _ in }) {
        transaction.pending = transaction.metadata.state == .prepareCommit ? .completeCommit : .completeAbort
        if let failure = writeMarkers(transaction) {
            ended(.concurrentTransactions)
            return retry(transaction, after: failure) { [self] in complete(transaction) }
        }
        // An abort is seldom, and what follows it must not come upon what it ended.
        let wait = transaction.pending == .completeAbort ? durability.whenSynced : durability.whenDurable
        wait(Array(transaction.metadata.partitions)) { [self] isDurable in
            guard isDurable else {
                transaction.unmarked = transaction.metadata.partitions
                ended(.concurrentTransactions)
                return retry(transaction, after: .kafkaStorageError) { [self] in complete(transaction) }
            }
            conclude(transaction)
            ended(.none)
        }
    }

    /// Goes through all partitions, also when one fails. Returns the last failure.
    private func writeMarkers(_ transaction: Transaction) -> ErrorCode? {
        let metadata = transaction.metadata
        var failure: ErrorCode?
        for partition in transaction.unmarked.sorted() {
            if isOrphaned(partition, metadata.producerID) {
                // The marker would end that one.
                failure = .concurrentTransactions
                continue
            }
            do {
                try participants.endTransaction(
                    partition, producerID: metadata.producerID, epoch: metadata.producerEpoch, commit: metadata.state == .prepareCommit,
                    coordinatorEpoch: Self.coordinatorEpoch)
            } catch {
                // What is deleted needs no marker. A later epoch is known only where an earlier version of this broker let a power cut take it from the log,
                // with all that came after this transaction.
                if error != .unknownTopicOrPartition && error != .invalidProducerEpoch {
                    failure = error
                    continue
                }
            }
            transaction.unmarked.remove(partition)
        }
        return failure
    }

    /// Says in the log that the markers need not be written again. The end stands without it, so nobody waits until it is durable.
    private func conclude(_ transaction: Transaction) {
        let next = transaction.metadata.completed(now: scheduler.wallClock)
        do {
            try log.append([TransactionLogRecord.transaction(transaction.id, next)])
        } catch {
            return retry(transaction, after: error) { [self] in conclude(transaction) }
        }
        let release = { [self] (isKept: Bool) in
            guard isKept else { return retry(transaction, after: .kafkaStorageError) { [self] in conclude(transaction) } }
            transaction.pending = nil
            transaction.isResumed = false
            apply(next, to: transaction)
            if next.state == .completeCommit { counts.committed += 1 } else { counts.aborted += 1 }
        }
        // What a start completed is not completed a second time, over what comes after it: a cut partition ends before the offset that the decision has.
        if transaction.isResumed { durability.whenSynced([.transactionState], release) } else { release(true) }
    }

    private func retry(_ transaction: Transaction, after failure: ErrorCode, _ action: @escaping () -> Void) {
        if transaction.failures == 0 { report(.delayed(transactionalID: transaction.id, failure)) }
        counts.retries += 1
        let delay = min(settings.maximumRetryMs, settings.retryMs << Int64(min(transaction.failures, 16)))
        transaction.failures += 1
        setTimer(
            transaction,
            scheduler.schedule(after: delay) {
                transaction.timer = nil
                action()
            })
    }

    func setTimer(_ transaction: Transaction, _ timer: TimerID?) {
        if let former = transaction.timer { scheduler.cancel(former) }
        transaction.timer = timer
    }

    /// Aborts the open transaction when its time is over.
    /// - Parameter milliseconds: what is left of it.
    func watch(_ transaction: Transaction, after milliseconds: Int64) {
        setTimer(
            transaction,
            scheduler.schedule(after: milliseconds) { [self] in
                transaction.timer = nil
                timeOut(transaction)
            })
    }

    private func timeOut(_ transaction: Transaction) {
        guard transaction.metadata.state == .ongoing else { return }
        guard transaction.pending == nil else { return watch(transaction, after: settings.retryMs) }
        end(transaction, as: transaction.metadata.fenced(now: scheduler.wallClock)) { [self] error in
            guard error == .none else { return retry(transaction, after: error) { [self] in timeOut(transaction) } }
            counts.timedOut += 1
            report(.timedOut(transactionalID: transaction.id))
        }
    }
}
