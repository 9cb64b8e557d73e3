/// What compaction leaves of a batch. Its offsets, its producer and its sequence stay as they are.
extension RecordBatch {
    /// The batch with some of its records only, compressed as it was.
    /// - Parameters:
    ///   - content: what `content(maximumBytes:)` gave.
    ///   - deleteHorizon: from when on its tombstones may go, milliseconds since 1970; nil to leave that as it is.
    public func keeping(_ kept: [RecordLayout], of content: ArraySlice<UInt8>, deleteHorizon: Int64?) -> [UInt8] {
        var header = header
        var records: [UInt8] = []
        records.reserveCapacity(content.count)
        for record in kept {
            if let deleteHorizon {
                let delta = header.baseTimestamp &+ record.timestampDelta &- deleteHorizon
                records.appendRecord(record, of: content, timestampDelta: delta)
            } else {
                records += content.part(record.whole)
            }
        }
        if !header.hasLogAppendTime, let latest = kept.map({ header.baseTimestamp &+ $0.timestampDelta }).max() {
            header.maxTimestamp = latest
        }
        if let deleteHorizon {
            header.baseTimestamp = deleteHorizon
            header.attributes |= 0x40
        }
        header.recordCount = Int32(kept.count)
        return header.batch((compression ?? .none).compress(records[...]))
    }

    /// The header alone.
    public func emptied() -> [UInt8] {
        var header = header
        // Neither compressed nor with a time to be removed at.
        header.attributes &= ~0x47
        header.baseTimestamp = -1
        header.recordCount = 0
        return header.batch([])
    }
}

extension [UInt8] {
    /// Copies a record with another timestamp.
    fileprivate mutating func appendRecord(_ record: RecordLayout, of content: ArraySlice<UInt8>, timestampDelta: Int64) {
        let rest = record.whole.lowerBound + record.restOffset..<record.whole.upperBound
        var start: [UInt8] = [content[content.startIndex + record.whole.lowerBound + record.attributesOffset]]
        start.appendVarint(timestampDelta)
        appendVarint(Int64(start.count + rest.count))
        self += start
        self += content.part(rest)
    }
}
