import KafkaProtocol

/// What is kept of a transactional id, and what each request makes of it. Pure.
struct TransactionMetadata: Sendable, Equatable {
    /// From here on an epoch is not raised any more: there is a new producer id. The one above it is left for fencing.
    static let exhaustedEpoch = Int16.max - 1

    var producerID: Int64
    /// -1 before the first answer.
    var producerEpoch: Int16 = -1
    /// The producer that had the id before; -1 for none.
    var lastProducerID: Int64 = -1
    /// The epoch from which the producer itself asked for the present one; -1 for none. So a retry of that request is known (KIP-360).
    var lastProducerEpoch: Int16 = -1
    /// Milliseconds.
    var timeoutMs: Int32
    var state = TransactionState.empty
    var partitions: Set<TopicPartition> = []
    /// The end offset of each of them when the end was decided, while the state is a prepared one: what is there from it on is of a later transaction.
    var ends: [TopicPartition: Int64] = [:]
    /// Milliseconds since 1970; -1 without a transaction.
    var startTimestamp: Int64 = -1
    /// Milliseconds since 1970.
    var updateTimestamp: Int64

    /// A producer id with its epoch, as a request names them.
    struct Producer: Sendable, Equatable {
        var id: Int64
        var epoch: Int16
    }

    enum Initialization: Equatable {
        case next(TransactionMetadata)
        /// A new producer id is needed; `recordsEpoch`: keep the old epoch, so that a retry is known.
        case newProducerID(recordsEpoch: Bool)
        /// The open transaction has to be aborted first, as this says.
        case abort(TransactionMetadata)
        case refused(ErrorCode)
    }

    /// What InitProducerId comes to. `expected` is who the producer says it was.
    func initialized(timeoutMs: Int32, expected: Producer?, now: Int64) -> Initialization {
        if let expected, !couldBe(expected) { return .refused(.producerFenced) }
        switch state {
        case .prepareCommit, .prepareAbort: return .refused(.concurrentTransactions)
        case .ongoing: return .abort(fenced(now: now))
        case .empty, .completeCommit, .completeAbort: break
        }
        var next = self
        next.state = .empty
        next.partitions = []
        next.startTimestamp = -1
        next.timeoutMs = timeoutMs
        next.updateTimestamp = now
        next.lastProducerID = producerID
        if let expected, producerEpoch != -1, expected.epoch != producerEpoch {
            // A retry of what was answered already gets the same answer.
            return expected.epoch == lastProducerEpoch ? .next(retried(next)) : .refused(.producerFenced)
        }
        if producerEpoch >= Self.exhaustedEpoch { return .newProducerID(recordsEpoch: expected != nil) }
        next.lastProducerEpoch = expected == nil ? -1 : producerEpoch
        next.producerEpoch = producerEpoch + 1
        return .next(next)
    }

    private func retried(_ next: TransactionMetadata) -> TransactionMetadata {
        var next = next
        next.lastProducerID = lastProducerID
        return next
    }

    private func couldBe(_ expected: Producer) -> Bool {
        producerEpoch == -1 || expected.id == producerID || (expected.id == lastProducerID && expected.epoch >= Self.exhaustedEpoch)
    }

    /// The same id for a new producer.
    func rotated(to newID: Int64, timeoutMs: Int32, recordsEpoch: Bool, now: Int64) -> TransactionMetadata {
        TransactionMetadata(
            producerID: newID, producerEpoch: 0, lastProducerID: producerID, lastProducerEpoch: recordsEpoch ? producerEpoch : -1,
            timeoutMs: timeoutMs, updateTimestamp: now)
    }

    /// The open transaction aborted by the coordinator: with an epoch that no producer was ever given, so that the one that has it is fenced.
    func fenced(now: Int64) -> TransactionMetadata {
        var next = self
        if producerEpoch < Int16.max { next.producerEpoch += 1 }
        next.lastProducerEpoch = -1
        next.lastProducerID = producerID
        return next.with(.prepareAbort, now)
    }

    /// What AddPartitionsToTxn comes to; nil when there is nothing to do.
    func adding(_ added: Set<TopicPartition>, producer: Producer, now: Int64) throws(ErrorCode) -> TransactionMetadata? {
        try check(producer)
        if state.isPrepared { throw .concurrentTransactions }
        if state == .ongoing && added.isSubset(of: partitions) { return nil }
        var next = with(.ongoing, now)
        if state.isIdle {
            next.startTimestamp = now
            next.partitions = added
        } else {
            next.partitions.formUnion(added)
        }
        return next
    }

    /// What EndTxn comes to; nil when it was done before.
    func ending(commit: Bool, producer: Producer, now: Int64) throws(ErrorCode) -> TransactionMetadata? {
        try check(producer)
        switch (state, commit) {
        case (.ongoing, true): return with(.prepareCommit, now)
        case (.ongoing, false): return with(.prepareAbort, now)
        case (.completeCommit, true), (.completeAbort, false): return nil
        case (.prepareCommit, true), (.prepareAbort, false): throw .concurrentTransactions
        default: throw .invalidTxnState
        }
    }

    /// After the last marker.
    func completed(now: Int64) -> TransactionMetadata {
        var next = with(state == .prepareCommit ? .completeCommit : .completeAbort, now)
        next.partitions = []
        next.ends = [:]
        next.startTimestamp = -1
        return next
    }

    /// Whether what the partition holds of the producer is a part of this transaction. Otherwise it is of a later one, of which the log knows nothing: a
    /// power cut takes more of one log than of another.
    func owns(_ partition: TopicPartition, from firstOffset: Int64, epoch: Int16) -> Bool {
        !state.isIdle && partitions.contains(partition) && epoch <= producerEpoch && firstOffset < ends[partition] ?? .max
    }

    func check(_ producer: Producer) throws(ErrorCode) {
        guard producer.id == producerID else { throw .invalidProducerIDMapping }
        guard producer.epoch == producerEpoch else { throw .producerFenced }
    }

    private func with(_ state: TransactionState, _ now: Int64) -> TransactionMetadata {
        var next = self
        next.state = state
        next.updateTimestamp = now
        return next
    }
}
