import KafkaProtocol

/// How dirty a log is.
struct Dirtiness: Equatable {
    /// From here on a key may stand more than once.
    var firstDirty: Int64
    /// Where cleaning must stop: a segment ends here.
    var end: Int64
    /// Bytes of segments that are clean, and of those that are not.
    var clean = 0
    var dirty = 0
    /// Whether something waits for longer than `max.compaction.lag.ms`.
    var isOverdue = false

    var ratio: Double { dirty == 0 ? 0 : Double(dirty) / Double(clean + dirty) }
}

extension PartitionLog {
    /// What may be cleaned, by Kafka's rules: never the last segment, nothing that is not decided or too young. And only what lies before the recovery point's
    /// segment: behind that a start expects every offset. Nil when there is nothing, or the log is not compacted.
    /// - Parameter now: milliseconds since 1970.
    func dirtiness(now: Int64) -> Dirtiness? {
        guard settings.cleanupPolicy.contains(.compact), failure == nil, !isDeleted else { return nil }
        // The ends of transactions count when they are on the disk: after a power cut one could end otherwise.
        let stable = min(lastStableOffset, syncedStableOffset, checkpoint.segmentBase)
        // Not from the start offset on: a power cut may put that back, and what a tombstone before it deletes must be gone when it goes.
        var found = Dirtiness(firstDirty: firstDirty, end: segments[0].baseOffset)
        for (segment, next) in zip(segments, segments.dropFirst()) {
            guard next.baseOffset <= stable else { break }
            let isDirty = next.baseOffset > found.firstDirty
            if isDirty && isTooYoung(segment, now: now) { break }
            if isDirty { found.dirty += segment.size } else { found.clean += segment.size }
            if isDirty && isOverdue(segment, now: now) { found.isOverdue = true }
            found.end = next.baseOffset
        }
        return found.dirty > 0 ? found : nil
    }

    /// Whether the cleaner should come.
    func isDirtyEnough(_ dirtiness: Dirtiness) -> Bool { dirtiness.isOverdue || dirtiness.ratio >= settings.minCleanableDirtyRatio }

    private func isTooYoung(_ segment: Segment, now: Int64) -> Bool {
        guard settings.minCompactionLagMs > 0, let newest = segment.newest else { return false }
        return now.subtractingReportingOverflow(newest).partialValue < settings.minCompactionLagMs
    }

    private func isOverdue(_ segment: Segment, now: Int64) -> Bool {
        guard settings.maxCompactionLagMs < .max, let first = segment.knownFirstTimestamp else { return false }
        return now &- first > settings.maxCompactionLagMs
    }

    /// What a run of the cleaner has to know.
    func cleaningPlan(_ dirtiness: Dirtiness, secret: KeyHash.Secret, now: Int64) throws(StorageError) -> CleaningPlan {
        let sources = zip(segments, segments.dropFirst()).prefix { $1.baseOffset <= dirtiness.end }
            .map { CleaningSource(baseOffset: $0.baseOffset, endOffset: $1.baseOffset, size: $0.size) }
        var ends = ProducerEnds()
        for entry in producers.entries.values {
            ends.ends[entry.producerID] = ProducerEnds.End(epoch: entry.epoch, lastDataOffset: entry.batches.last?.lastOffset)
        }
        return CleaningPlan(
            directory: directory, sources: sources, firstDirty: dirtiness.firstDirty,
            segmentBytes: min(settings.segmentBytes, Int(Int32.max)), indexIntervalBytes: context.settings.indexIntervalBytes,
            mapBytes: context.settings.cleanerMapBytes, reservedBytes: context.settings.reservedBytes,
            simulatedSpace: context.simulatedSpace, deleteRetentionMs: settings.deleteRetentionMs, now: now, secret: secret,
            aborted: try abortedTransactions(from: segments[0].baseOffset, to: dirtiness.end, startingAt: 0), producers: ends,
            logEndOffset: endOffset)
    }

    /// Where a group of segments stands that are as they were when the run began; nil when they have changed, or nobody wants them cleaned any more.
    private func place(of group: [CleaningSource]) -> Range<Int>? {
        guard !isDeleted, failure == nil, settings.cleanupPolicy.contains(.compact), let first = group.first,
            let start = segments.firstIndex(where: { $0.baseOffset == first.baseOffset }), start + group.count < segments.count
        else { return nil }
        for (index, source) in group.enumerated() {
            let segment = segments[start + index]
            guard segment.baseOffset == source.baseOffset, segment.size == source.size,
                segments[start + index + 1].baseOffset == source.endOffset
            else { return nil }
        }
        return start..<start + group.count
    }

    /// Decides to put cleaned files in the place of a group. False when the group is not what it was. Nothing is removed by retention until `endSwap`.
    func beginSwap(_ swap: SegmentSwap, _ group: [CleaningSource]) throws(StorageError) -> Bool {
        guard place(of: group) != nil else { return false }
        try swap.commit()
        isSwapping = true
        return true
    }

    /// Puts them there; returns the old files. Nil when the log was deleted meanwhile. After a transient failure it can be called again.
    func endSwap(_ swap: SegmentSwap, _ group: [CleaningSource], size: Int) throws(StorageError) -> [String]? {
        guard let range = segmentRange(group) else {
            isSwapping = false
            return nil
        }
        for segment in segments[range] { context.files.close(segment) }
        let old = try swap.finish()
        isSwapping = false
        segments.replaceSubrange(range, with: [Segment(baseOffset: swap.baseOffset, directory: directory, context: context, size: size)])
        recentEnds.forget()
        isDirectoryDirty = true
        becomeDirty()
        return old
    }

    /// A decided swap is carried out whatever the settings say meanwhile.
    private func segmentRange(_ group: [CleaningSource]) -> Range<Int>? {
        guard !isDeleted, let first = group.first, let start = segments.firstIndex(where: { $0.baseOffset == first.baseOffset }) else {
            return nil
        }
        return start..<start + group.count
    }
}

extension Segment {
    /// The first batch's highest timestamp, milliseconds since 1970; nil without one.
    var knownFirstTimestamp: Int64? {
        if firstTimestamp == nil { firstTimestamp = (try? header(at: 0))?.maxTimestamp ?? -1 }
        return firstTimestamp.flatMap { $0 < 0 ? nil : $0 }
    }
}
