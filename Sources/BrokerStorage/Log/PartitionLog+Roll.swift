import KafkaProtocol

extension PartitionLog {
    /// Whether the batch must go to a new segment: the last one is full, old, or too far from its base offset.
    func mustRoll(for header: RecordBatchHeader) -> Bool {
        let segment = active
        if segment.size == 0 { return false }
        return segment.size + header.totalSize > min(settings.segmentBytes, Int(Int32.max))
            || header.lastOffset - segment.baseOffset > Segment.maximumRelativeOffset || isLater(header, in: segment)
    }

    /// Whether the batch is later than the segment's first one by more than a segment spans. Records may be old: their times count, not the clock.
    private func isLater(_ header: RecordBatchHeader, in segment: Segment) -> Bool {
        guard let first = segment.knownFirstTimestamp else { return false }
        return header.maxTimestamp &- first >= longestMs
    }

    /// How long a segment is the last one at most: what waits for compaction waits no longer than it may.
    private var longestMs: Int64 {
        settings.cleanupPolicy.contains(.compact) ? min(settings.segmentMs, settings.maxCompactionLagMs) : settings.segmentMs
    }

    /// Whether the segment was begun so long ago that it should be closed.
    func isOld(_ segment: Segment, now: Int64) -> Bool {
        guard segment.size > 0 else { return false }
        if segment.begun == nil { segment.begun = FileSystem.modified(segment.path(.log)) ?? now }
        return now &- (segment.begun ?? now) >= longestMs
    }

    /// Begins a new segment at the end of the log.
    func roll() throws(StorageError) {
        guard active.size > 0 else { return }
        let segment = Segment(baseOffset: endOffset, directory: directory, context: context, size: 0)
        // The file is there before anything depends on it: its name alone keeps the end offset.
        _ = try segment.file()
        active.storeIndexes()
        segments.append(segment)
        isDirectoryDirty = true
        becomeDirty()
    }
}
