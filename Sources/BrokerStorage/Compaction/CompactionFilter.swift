import KafkaProtocol

/// Decides what stays of each batch of a log, with the rules of Kafka's log cleaner. It sees all batches from the log's start on, in their order.
struct CompactionFilter {
    enum Verdict: Equatable {
        case whole
        case changed([UInt8])
        case dropped
    }

    /// The last offset of each key.
    let map: OffsetMap
    let secret: KeyHash.Secret
    let aborted: AbortedRanges
    let producers: ProducerEnds
    /// Milliseconds since 1970.
    let now: Int64
    let deleteRetentionMs: Int64
    /// The batch that ends here stays, if empty, so that the log does not end earlier than it did.
    let endOffset: Int64
    /// Of a batch's records, decompressed.
    let maximumBytes: Int

    /// Producers of whose current transaction a batch of data was seen.
    private var producersWithData: Set<Int64> = []

    init(
        map: OffsetMap, secret: KeyHash.Secret, aborted: AbortedRanges, producers: ProducerEnds, now: Int64, deleteRetentionMs: Int64,
        endOffset: Int64, maximumBytes: Int
    ) {
        self.map = map
        self.secret = secret
        self.aborted = aborted
        self.producers = producers
        self.now = now
        self.deleteRetentionMs = deleteRetentionMs
        self.endOffset = endOffset
        self.maximumBytes = maximumBytes
    }

    mutating func verdict(on batch: RecordBatch) throws(BatchError) -> Verdict {
        let header = batch.header
        if header.isControl { return try control(batch) }
        if header.isTransactional {
            producersWithData.insert(header.producerID)
            if aborted.contains(producerID: header.producerID, offset: header.baseOffset) { return nothingLeft(of: batch) }
        }
        return try data(batch)
    }

    /// A marker stays as long as its transaction has data, and then as long as a tombstone would.
    private mutating func control(_ batch: RecordBatch) throws(BatchError) -> Verdict {
        let header = batch.header
        if header.recordCount == 0 { return nothingLeft(of: batch) }
        guard header.isTransactional, producersWithData.remove(header.producerID) == nil else { return .whole }
        if isPast(header) { return nothingLeft(of: batch) }
        if header.hasDeleteHorizon { return .whole }
        let content = try batch.content(maximumBytes: maximumBytes)
        var marker: [RecordLayout] = []
        try batch.scan(content) { (record) in marker.append(record) }
        return .changed(batch.keeping(marker, of: content, deleteHorizon: horizon))
    }

    private func data(_ batch: RecordBatch) throws(BatchError) -> Verdict {
        let content = try batch.content(maximumBytes: maximumBytes)
        var kept: [RecordLayout] = []
        var hasTombstone = false
        try batch.scan(content) { (record) in
            guard isKept(record, batch, content) else { return }
            kept.append(record)
            if record.value == nil { hasTombstone = true }
        }
        if kept.isEmpty { return nothingLeft(of: batch) }
        let startsHorizon = hasTombstone && !batch.header.hasDeleteHorizon
        if kept.count == Int(batch.header.recordCount) && !startsHorizon { return .whole }
        return .changed(batch.keeping(kept, of: content, deleteHorizon: startsHorizon ? horizon : nil))
    }

    private func isKept(_ record: RecordLayout, _ batch: RecordBatch, _ content: ArraySlice<UInt8>) -> Bool {
        let offset = batch.header.baseOffset + Int64(record.offsetDelta)
        if offset > map.latestOffset { return true }
        guard let key = record.key else { return false }
        let hash = content.hash(key, secret)
        if let latest = map.offset(of: hash), latest > offset { return false }
        return record.value != nil || !isPast(batch.header)
    }

    /// The header alone is kept where it tells a producer's last sequence, or where the log ends.
    private func nothingLeft(of batch: RecordBatch) -> Verdict {
        guard producers.isLast(batch.header) || batch.header.lastOffset + 1 == endOffset else { return .dropped }
        return batch.header.recordCount == 0 ? .whole : .changed(batch.emptied())
    }

    private func isPast(_ header: RecordBatchHeader) -> Bool { header.hasDeleteHorizon && header.baseTimestamp <= now }

    private var horizon: Int64 {
        let (sum, overflow) = now.addingReportingOverflow(deleteRetentionMs)
        return overflow ? .max : sum
    }
}

/// Where each producer that may go on has written last.
struct ProducerEnds: Sendable, Equatable {
    struct End: Sendable, Equatable {
        var epoch: Int16
        /// Of its last batch of data; nil when only the end of a transaction is known.
        var lastDataOffset: Int64?
    }

    var ends: [Int64: End] = [:]

    /// Whether this batch tells how far its producer has come.
    func isLast(_ header: RecordBatchHeader) -> Bool {
        guard header.producerID >= 0, let end = ends[header.producerID] else { return false }
        guard let offset = end.lastDataOffset else { return header.isControl && header.producerEpoch == end.epoch }
        return header.lastOffset == offset
    }
}

extension ArraySlice<UInt8> {
    func hash(_ key: Range<Int>, _ secret: KeyHash.Secret) -> KeyHash {
        withUnsafeBytes { KeyHash(UnsafeRawBufferPointer(rebasing: $0[key]), secret) }
    }
}
