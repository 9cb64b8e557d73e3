import KafkaProtocol

/// Which records a reader sees: the protocol's isolation level.
public enum Isolation: Int8, Sendable {
    case readUncommitted = 0
    /// Up to the last stable offset; the reader leaves out what was aborted.
    case readCommitted = 1
}

/// What a read gives.
public struct ReadResult: Sendable {
    /// Whole batches of one segment. The first may begin before the offset that was asked for.
    public var records: RecordData
    /// What follows them.
    public var nextOffset: Int64
    /// For the committed: aborted transactions with records in these batches.
    public var abortedTransactions: [(producerID: Int64, firstOffset: Int64)] = []
}

extension PartitionLog {
    /// Reads whole batches of one segment from the one with `offset` on; none at the end of what the isolation shows. Throws offsetOutOfRange.
    /// - Parameter atLeastOneBatch: a batch that is larger than `maximumBytes` is read nevertheless, when it is the first.
    public func read(from offset: Int64, maximumBytes: Int, isolation: Isolation, atLeastOneBatch: Bool) throws(ErrorCode) -> ReadResult {
        guard offset >= startOffset, offset <= endOffset else { throw .offsetOutOfRange }
        let end = isolation == .readCommitted ? lastStableOffset : highWatermark
        guard offset < end else { return ReadResult(records: .null, nextOffset: offset) }
        do throws(StorageError) {
            return try read(from: offset, to: end, maximumBytes: max(0, maximumBytes), isolation, atLeastOneBatch)
        } catch { throw unreadable(error) }
    }

    func read(from offset: Int64, to end: Int64, maximumBytes: Int, _ isolation: Isolation, _ atLeastOneBatch: Bool)
        throws(StorageError) -> ReadResult
    {
        guard let place = try place(of: offset) else { return ReadResult(records: .null, nextOffset: offset) }
        let extent = try extent(from: place, to: end, maximumBytes: maximumBytes, atLeastOneBatch)
        guard extent.count > 0 else { return ReadResult(records: .null, nextOffset: offset) }
        let segment = segments[place.index]
        recentEnds.note(extent.nextOffset, segmentBase: segment.baseOffset, position: place.position + extent.count)
        let region = FileRegion(file: try segment.file(), position: place.position, count: extent.count)
        var result = ReadResult(records: .file(region), nextOffset: extent.nextOffset)
        if isolation == .readCommitted {
            result.abortedTransactions = try abortedTransactions(from: offset, to: extent.nextOffset, startingAt: place.index)
                .map { ($0.producerID, $0.firstOffset) }
        }
        return result
    }

    /// Where a batch begins: a segment, by its index, and the position in it.
    struct Place: Equatable {
        var index: Int
        var position: Int
    }

    /// Where the batch with `offset` begins, or the next one when compaction has removed it; nil at the end of the log.
    func place(of offset: Int64) throws(StorageError) -> Place? {
        var index = segmentIndex(of: offset)
        if let recent = recentEnds.find(offset), recent.segmentBase == segments[index].baseOffset, recent.position < segments[index].size {
            return Place(index: index, position: recent.position)
        }
        while index < segments.count {
            let segment = segments[index]
            if let position = try scan(segment, for: offset) { return Place(index: index, position: position) }
            index += 1
        }
        return nil
    }

    /// The segment that has `offset`, or would have it.
    func segmentIndex(of offset: Int64) -> Int {
        // Readers are at the end, mostly.
        if offset >= active.baseOffset { return segments.count - 1 }
        var low = 0
        var high = segments.count
        while low < high {
            let middle = low + (high - low) / 2
            if segments[middle].baseOffset <= offset { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }

    /// Where the first batch begins that has `offset` or a later one; nil when the segment has none.
    private func scan(_ segment: Segment, for offset: Int64) throws(StorageError) -> Int? {
        guard segment.size > 0 else { return nil }
        let hint = offset <= segment.baseOffset ? 0 : segment.hint(for: offset)
        var scanner = try BatchScanner(segment, from: hint)
        while let (header, position) = try scanner.next() { if header.lastOffset >= offset { return position } }
        return nil
    }

    /// How many bytes are read from a place on, and the offset that follows them.
    private func extent(from place: Place, to end: Int64, maximumBytes: Int, _ atLeastOneBatch: Bool) throws(StorageError)
        -> (count: Int, nextOffset: Int64)
    {
        let segment = segments[place.index]
        let limit = try limit(of: place.index, end)
        if limit.position - place.position <= maximumBytes { return (limit.position - place.position, limit.offset) }
        let target = place.position + maximumBytes
        var scanner = try BatchScanner(segment, from: max(place.position, segment.boundary(before: target)), to: limit.position)
        var last: (end: Int, offset: Int64)?
        while let (header, position) = try scanner.next(), position + header.totalSize <= target {
            last = (position + header.totalSize, header.lastOffset + 1)
        }
        if let last { return (last.end - place.position, last.offset) }
        if scanner.start > place.position {
            return (scanner.start - place.position, try segment.header(at: scanner.start)?.baseOffset ?? limit.offset)
        }
        guard atLeastOneBatch, let first = try segment.header(at: place.position) else { return (0, 0) }
        return (first.totalSize, first.lastOffset + 1)
    }

    /// Where a reader must stop in a segment.
    private func limit(of index: Int, _ end: Int64) throws(StorageError) -> (position: Int, offset: Int64) {
        let segment = segments[index]
        if index + 1 < segments.count {
            if segments[index + 1].baseOffset <= end { return (segment.size, segments[index + 1].baseOffset) }
        } else if end == endOffset {
            return (segment.size, endOffset)
        }
        guard let place = try place(of: end), place.index == index else { return (segment.size, end) }
        recentEnds.note(end, segmentBase: segment.baseOffset, position: place.position)
        return (place.position, end)
    }

    /// What a reader is told of files that cannot be read.
    func unreadable(_ error: StorageError) -> ErrorCode {
        if case .corrupt(_, let reason) = error {
            context.report(.damaged(partition, position: 0, reason: reason))
            return .corruptMessage
        }
        context.report(.troubled(error))
        return .kafkaStorageError
    }
}
