import KafkaProtocol

/// A transaction that has records in the partition.
struct PartitionTransaction: Sendable, Equatable {
    var producerID: Int64
    var firstOffset: Int64
    /// Of the batch that ended it; nil while it is open.
    var endOffset: Int64?
}

/// The producers of a partition: what they sent last, and which of their transactions are not decided. A value without files.
struct ProducerState: Sendable, Equatable {
    private(set) var entries: [Int64: ProducerEntry] = [:]
    /// By their first offsets. One that has ended stays until its end is below the high watermark.
    private(set) var undecided: [PartitionTransaction] = []

    init() {}

    init(_ saved: [ProducerEntry]) {
        for entry in saved { entries[entry.producerID] = entry }
        undecided = saved.filter { $0.transactionStart >= 0 }
            .map { PartitionTransaction(producerID: $0.producerID, firstOffset: $0.transactionStart) }
            .sorted { $0.firstOffset < $1.firstOffset }
    }

    /// Everything before this is decided; nil when everything is.
    var firstUndecided: Int64? { undecided.first?.firstOffset }

    /// The first offset of the oldest open transaction; nil when none is open.
    var firstOpen: Int64? { undecided.first { $0.endOffset == nil }?.firstOffset }

    /// What was appended before when the batch is a repetition; nil when it comes next. Throws what the producer is told when it does neither.
    func check(_ header: RecordBatchHeader) throws(ErrorCode) -> SentBatch? {
        // A producer that is not known may begin anywhere: what it sent before may be gone.
        guard let entry = entries[header.producerID] else { return nil }
        if header.baseSequence >= 0, let sent = entry.duplicate(of: header) { return sent }
        try entry.check(header)
        return nil
    }

    /// Takes a batch that was appended.
    /// - Parameter now: milliseconds since 1970.
    mutating func note(_ header: RecordBatchHeader, now: Int64, limit: Int) {
        var entry = entries[header.producerID]
        if entry == nil {
            if entries.count >= limit { forgetLongestSilent(keeping: limit - limit / 8 - 1) }
            entry = ProducerEntry(producerID: header.producerID)
        }
        guard var entry else { return }
        // In place, so that the batches are not copied.
        entries[header.producerID] = nil
        let wasOpen = entry.transactionStart >= 0
        entry.note(header)
        entry.lastUpdate = now
        if !wasOpen && entry.transactionStart >= 0 {
            undecided.append(PartitionTransaction(producerID: header.producerID, firstOffset: entry.transactionStart))
        }
        entries[header.producerID] = entry
    }

    /// Throws what the coordinator is told when it may not end a transaction of this producer.
    func checkEnd(producerID: Int64, epoch: Int16, coordinatorEpoch: Int32) throws(ErrorCode) {
        guard let entry = entries[producerID] else { return }
        if epoch < entry.epoch { throw .invalidProducerEpoch }
        if coordinatorEpoch < entry.coordinatorEpoch { throw .transactionCoordinatorFenced }
    }

    /// Takes the end of a transaction that was appended at `offset`; returns the transaction when it has records here.
    mutating func end(producerID: Int64, epoch: Int16, coordinatorEpoch: Int32, offset: Int64, now: Int64) -> PartitionTransaction? {
        var entry = entries[producerID] ?? ProducerEntry(producerID: producerID)
        entry.moveTo(epoch: epoch)
        entry.coordinatorEpoch = coordinatorEpoch
        entry.lastUpdate = now
        entry.transactionStart = -1
        entries[producerID] = entry
        guard let index = undecided.firstIndex(where: { $0.producerID == producerID && $0.endOffset == nil }) else { return nil }
        undecided[index].endOffset = offset
        return undecided[index]
    }

    /// Forgets what is decided for good: transactions that ended below the high watermark.
    mutating func settle(highWatermark: Int64) {
        guard !undecided.isEmpty else { return }
        undecided.removeAll { transaction in transaction.endOffset.map { $0 < highWatermark } ?? false }
    }

    /// What is stable once the transaction that ended at `offset` is out of the way.
    func stableOffset(without producerID: Int64, endedAt offset: Int64) -> Int64 {
        undecided.first { $0.producerID != producerID && $0.endOffset == nil }?.firstOffset ?? offset + 1
    }

    /// Forgets producers that were silent for too long.
    mutating func expire(now: Int64, after limit: Int64) {
        guard !entries.isEmpty else { return }
        let expired = entries.values.filter { $0.transactionStart < 0 && now - $0.lastUpdate > limit }
        for entry in expired { entries[entry.producerID] = nil }
    }

    private mutating func forgetLongestSilent(keeping count: Int) {
        let silent = entries.values.filter { $0.transactionStart < 0 }.sorted { $0.lastUpdate < $1.lastUpdate }
        for entry in silent.prefix(max(1, entries.count - count)) { entries[entry.producerID] = nil }
    }
}
