import KafkaProtocol

extension OffsetMap {
    /// Notes the keys of a batch's records from an offset on, and how far it came. Batches come in the order of the log. False when the map is full.
    func add(_ batch: RecordBatch, from start: Int64, aborted: AbortedRanges, secret: KeyHash.Secret, maximumBytes: Int) throws(BatchError)
        -> Bool
    {
        let header = batch.header
        let hasData =
            !header.isControl && !(header.isTransactional && aborted.contains(producerID: header.producerID, offset: header.baseOffset))
        var isFull = false
        if hasData && header.lastOffset >= start {
            let content = try batch.content(maximumBytes: maximumBytes)
            try batch.scan(content) { (record) in
                let offset = header.baseOffset + Int64(record.offsetDelta)
                guard !isFull, offset >= start else { return }
                if let key = record.key, !put(content.hash(key, secret), offset) { isFull = true } else { latestOffset = offset }
            }
        }
        if !isFull { latestOffset = max(latestOffset, header.lastOffset) }
        return !isFull
    }
}
