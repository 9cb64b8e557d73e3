import KafkaProtocol

extension PartitionLog {
    /// Appends the end of a producer's transaction, also when the producer has no records here. Throws invalidProducerEpoch or transactionCoordinatorFenced
    /// when a later epoch is known.
    /// - Parameter now: milliseconds since 1970.
    public func endTransaction(producerID: Int64, epoch: Int16, commit: Bool, coordinatorEpoch: Int32, now: Int64) throws(ErrorCode) {
        try producers.checkEnd(producerID: producerID, epoch: epoch, coordinatorEpoch: coordinatorEpoch)
        let marker = ControlRecord.endMarker(
            commit: commit, producerID: producerID, producerEpoch: epoch, coordinatorEpoch: coordinatorEpoch, offset: 0, timestamp: now)
        guard let header = marker.withUnsafeBytes({ RecordBatchHeader($0) }) else { throw .unknownServerError }
        let result = try write(header, marker[...], now: now)
        noteEnd(
            producerID: producerID, epoch: epoch, commit: commit, coordinatorEpoch: coordinatorEpoch, offset: result.lastOffset, now: now)
        advanced()
    }

    private func noteEnd(producerID: Int64, epoch: Int16, commit: Bool, coordinatorEpoch: Int32, offset: Int64, now: Int64) {
        let aborted = producers.noteEnd(
            producerID: producerID, epoch: epoch, commit: commit, coordinatorEpoch: coordinatorEpoch, offset: offset, now: now)
        guard let aborted else { return }
        active.aborted.append(aborted)
        if active.aborted.isDue { active.storeIndexes() }
    }

    /// The aborted transactions that have records from `offset` on, up to `end`: of these a reader leaves out what the producer sent from the first offset to
    /// the end of the transaction.
    func abortedTransactions(from offset: Int64, to end: Int64, startingAt index: Int) throws(StorageError) -> [AbortedTransaction] {
        var found: [AbortedTransaction] = []
        var isComplete = false
        for segment in segments[index...] where !isComplete {
            try segment.aborted.forEach(
                segment.path(.aborted), after: { $0.lastOffset < offset },
                do: { entry in
                    if entry.firstOffset < end { found.append(entry) }
                    isComplete = entry.lastStableOffset >= end
                    return !isComplete
                })
        }
        return found
    }
}

extension ProducerState {
    /// Takes the end of a transaction; returns what its segment must keep when it was aborted and has records here.
    mutating func noteEnd(
        producerID: Int64, epoch: Int16, commit: Bool, coordinatorEpoch: Int32, offset: Int64, now: Int64
    ) -> AbortedTransaction? {
        let ended = end(producerID: producerID, epoch: epoch, coordinatorEpoch: coordinatorEpoch, offset: offset, now: now)
        guard let ended, !commit else { return nil }
        return AbortedTransaction(
            producerID: producerID, firstOffset: ended.firstOffset, lastOffset: offset,
            lastStableOffset: stableOffset(without: producerID, endedAt: offset))
    }
}
