/// What the broker wants to know of a batch's records before it keeps them.
public struct BatchSummary: Sendable, Equatable {
    /// Milliseconds since 1970; -1 without records.
    public var maximumTimestamp: Int64 = -1
    /// Of the first record that has it.
    public var maximumTimestampOffsetDelta: Int32 = 0
    public var minimumTimestamp: Int64 = -1
    /// Whether each record has a key.
    public var hasAllKeys = true
    /// Whether each offset from the first to the last has a record, as in every batch that a producer makes.
    public var isDense = true
}

extension RecordBatch {
    /// Goes through all records, which checks them. Throws when their bytes are wrong, or decompress to more than `maximumBytes`.
    public func summary(maximumBytes: Int) throws(BatchError) -> BatchSummary {
        var summary = BatchSummary()
        try scan(try content(maximumBytes: maximumBytes)) { (record) throws(BatchError) in
            let timestamp = timestamp(of: record)
            if timestamp > summary.maximumTimestamp {
                summary.maximumTimestamp = timestamp
                summary.maximumTimestampOffsetDelta = record.offsetDelta
            }
            if summary.minimumTimestamp == -1 || timestamp < summary.minimumTimestamp { summary.minimumTimestamp = timestamp }
            if record.key == nil { summary.hasAllKeys = false }
        }
        summary.isDense = Int(header.recordCount) == Int(header.lastOffsetDelta) + 1
        return summary
    }
}
