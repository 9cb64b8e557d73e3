import KafkaProtocol

/// A batch that a producer sent, as far as it is needed to know it again.
struct SentBatch: Sendable, Equatable {
    var baseSequence: Int32 = 0
    var lastSequence: Int32 = 0
    var baseOffset: Int64 = 0
    var lastOffset: Int64 = 0
    /// When the broker appended it, -1 when records have the producer's time.
    var appendTime: Int64 = -1
}

/// What a partition remembers of a producer.
struct ProducerEntry: Sendable, Equatable {
    /// As many as a producer may have in flight.
    static let maximumBatches = 5

    var producerID: Int64 = 0
    var epoch: Int16 = -1
    /// Of who ended its last transaction, -1 before.
    var coordinatorEpoch: Int32 = -1
    /// Milliseconds since 1970.
    var lastUpdate: Int64 = 0
    /// Of the open transaction's first batch, -1 without one.
    var transactionStart: Int64 = -1
    /// The last ones of this epoch, the oldest first.
    var batches: [SentBatch] = []

    var lastSequence: Int32 { batches.last?.lastSequence ?? -1 }

    /// A batch that was appended before.
    func duplicate(of header: RecordBatchHeader) -> SentBatch? {
        guard header.producerEpoch == epoch else { return nil }
        let last = header.lastSequence
        return batches.first { $0.baseSequence == header.baseSequence && $0.lastSequence == last }
    }

    /// Throws what the producer is told when its batch cannot come next.
    func check(_ header: RecordBatchHeader) throws(ErrorCode) {
        if header.producerEpoch < epoch { throw .invalidProducerEpoch }
        // The broker's own batches have no sequence.
        if header.baseSequence >= 0 {
            let last = header.producerEpoch == epoch ? lastSequence : -1
            let next = last == Int32.max ? 0 : last + 1
            if header.baseSequence != next { throw .outOfOrderSequenceNumber }
        }
        if transactionStart >= 0 && !header.isTransactional { throw .invalidTxnState }
    }

    /// Takes a batch that was appended.
    mutating func note(_ header: RecordBatchHeader) {
        moveTo(epoch: header.producerEpoch)
        if header.isTransactional && transactionStart < 0 { transactionStart = header.baseOffset }
        guard header.baseSequence >= 0 else { return }
        if batches.count == Self.maximumBatches { batches.removeFirst() }
        batches.append(
            SentBatch(
                baseSequence: header.baseSequence, lastSequence: header.lastSequence, baseOffset: header.baseOffset,
                lastOffset: header.lastOffset, appendTime: header.hasLogAppendTime ? header.maxTimestamp : -1))
    }

    /// A new epoch begins its sequence anew.
    mutating func moveTo(epoch newEpoch: Int16) {
        guard newEpoch != epoch else { return }
        epoch = newEpoch
        batches = []
    }
}

extension RecordBatchHeader {
    /// After the highest number comes zero.
    var lastSequence: Int32 { Int32(truncatingIfNeeded: (Int64(baseSequence) + Int64(lastOffsetDelta)) % (Int64(Int32.max) + 1)) }
}
