import Glibc
import KafkaProtocol

/// What a partition's files hold.
struct RecoveredLog {
    var segments: [Segment]
    var startOffset: Int64
    var endOffset: Int64
    var producers = ProducerState()
    var checkpoint = Checkpoint()
    /// Up to where the log is compacted.
    var firstDirty: Int64 = 0
    /// Whether files were read or changed that may not be synced.
    var isDirty = false
}

/// Finds out what a partition's files hold. From the checkpoint on everything is read and checked; what comes before is believed.
struct LogRecovery {
    let partition: TopicPartition
    let directory: String
    let context: StorageContext
    /// Nil when the manifest does not know the partition.
    let entry: Manifest.Entry?
    /// Milliseconds since 1970.
    let now: Int64

    /// Where the check begins.
    private struct Start {
        var index: Int
        var position: Int
        var offset: Int64
        var isDense: Bool
        /// Nil when they must be found in what comes before.
        var producers: ProducerState?
    }

    func recover() throws(StorageError) -> RecoveredLog {
        let segments = try SegmentListing(directory, keeping: entry?.checkpoint.offset).open(context)
        guard let first = segments.first, let last = segments.last else { return empty() }
        let start = start(segments)
        var log = RecoveredLog(segments: segments, startOffset: first.baseOffset, endOffset: start.offset)
        log.checkpoint = entry?.checkpoint ?? Checkpoint(offset: first.baseOffset, segmentBase: first.baseOffset)
        if !isWhole(start, last) || start.producers == nil {
            if let producers = start.producers {
                log.producers = producers
            } else {
                log.producers = try rebuiltProducers(segments, until: start)
            }
            try check(&log, from: start)
            log.isDirty = true
        } else {
            log.producers = start.producers ?? ProducerState()
        }
        if log.endOffset < log.checkpoint.offset {
            // What the checkpoint speaks of is gone.
            log.checkpoint = Checkpoint(offset: first.baseOffset, segmentBase: first.baseOffset)
        }
        // Of a log that has lost its end, nobody knows what will stand there.
        log.firstDirty = (entry?.firstDirty).map { $0 <= log.endOffset ? $0 : 0 } ?? 0
        log.startOffset = min(max(first.baseOffset, entry?.startOffset ?? 0), log.endOffset)
        return log
    }

    /// No files yet: they come with the first records.
    private func empty() -> RecoveredLog {
        let offset = entry?.checkpoint.offset ?? 0
        var log = RecoveredLog(
            segments: [Segment(baseOffset: offset, directory: directory, context: context, size: 0)], startOffset: offset, endOffset: offset
        )
        log.checkpoint = Checkpoint(offset: offset, segmentBase: offset)
        return log
    }

    /// Whether nothing stands behind the checkpoint.
    private func isWhole(_ start: Start, _ last: Segment) -> Bool {
        entry != nil && start.isDense && last.baseOffset == entry?.checkpoint.segmentBase && start.position == last.size
    }

    private func start(_ segments: [Segment]) -> Start {
        guard let checkpoint = entry?.checkpoint else {
            return Start(index: 0, position: 0, offset: segments[0].baseOffset, isDense: false, producers: ProducerState())
        }
        guard let index = segments.firstIndex(where: { $0.baseOffset >= checkpoint.segmentBase }) else {
            return Start(index: segments.count - 1, position: 0, offset: segments[segments.count - 1].baseOffset, isDense: false)
        }
        let segment = segments[index]
        let position = Int(clamping: checkpoint.position)
        guard segment.baseOffset == checkpoint.segmentBase, position >= 0, position <= segment.size else {
            // Segments before may be gone by retention, which goes no further than the recovery point where there are producers: what they had done there is
            // in the snapshot.
            // Nothing behind the recovery point was ever compacted: a hole there is what a power cut left out.
            let isLater = segment.baseOffset > checkpoint.segmentBase
            return Start(
                index: index, position: 0, offset: segment.baseOffset, isDense: isLater, producers: isLater ? snapshot(checkpoint) : nil)
        }
        let isAdopted = segment.adoptIndexes(checkpoint, position: position)
        return Start(
            index: index, position: position, offset: checkpoint.offset, isDense: true,
            producers: isAdopted ? snapshot(checkpoint) : nil)
    }

    private func snapshot(_ checkpoint: Checkpoint) -> ProducerState? {
        guard checkpoint.hasSnapshot else { return ProducerState() }
        let path = directory + "/" + ProducerSnapshot.name(checkpoint.offset)
        do {
            let bytes = try FileSystem.contents(path, limit: 256 << 20)
            let snapshot: ProducerSnapshot = try CheckedFile.decode(bytes, versions: 1...1)
            return ProducerState(snapshot.entries)
        } catch {
            context.report(.rebuilt(path: path, reason: "\(error)"))
            return nil
        }
    }

    /// The producers as they were at `start`, from the batches before it.
    private func rebuiltProducers(_ segments: [Segment], until start: Start) throws(StorageError) -> ProducerState {
        var producers = ProducerState()
        for index in 0...start.index {
            let segment = segments[index]
            let end = index == start.index ? start.position : segment.size
            try segment.aborted.truncate(segment.path(.aborted), to: 0)
            var verifier = try BatchVerifier(segment, from: 0, to: end)
            var offset = segment.baseOffset
            while case .batch(let header, _, let control) = try verifier.next(lowestOffset: offset, isDense: false) {
                offset = header.lastOffset + 1
                note(header, control, segment, &producers)
            }
            // A next start would believe what lies before the recovery point.
            if index < start.index { try storeAborted(segment) }
        }
        return producers
    }

    /// On a full disk the aborted transactions stay in memory until the recovery point moves, which waits for them; without the snapshot of the old one a start
    /// before that finds them again.
    private func storeAborted(_ segment: Segment) throws(StorageError) {
        do throws(StorageError) {
            try segment.aborted.store(segment.path(.aborted))
        } catch {
            guard case .full = error, let checkpoint = entry?.checkpoint, checkpoint.hasSnapshot else { throw error }
            context.report(.troubled(error))
            try FileSystem.remove(directory + "/" + ProducerSnapshot.name(checkpoint.offset))
        }
    }

    /// Reads everything from `start` on; cuts off what is no batch, and all that comes after it.
    private func check(_ log: inout RecoveredLog, from start: Start) throws(StorageError) {
        var offset = start.offset
        for index in start.index..<log.segments.count {
            let segment = log.segments[index]
            let from = index == start.index ? start.position : 0
            if index > start.index && (segment.baseOffset < offset || (start.isDense && segment.baseOffset > offset)) {
                try cut(&log, at: index, position: 0, offset, "a segment of offset \(segment.baseOffset) where \(offset) is expected")
                break
            }
            if index > start.index { offset = max(offset, segment.baseOffset) }
            if from == 0 { try segment.forgetIndexes() }
            let end = segment.size
            segment.size = from
            segment.syncedSize = from
            segment.indexedPosition = from
            segment.isIndexChecked = true
            if let reason = try check(segment, from: from, to: end, &offset, isDense: start.isDense, &log.producers) {
                let position = segment.size
                segment.size = end
                try cut(&log, at: index, position: position, offset, reason)
                break
            }
            if index + 1 < log.segments.count { segment.storeIndexes() }
        }
        log.endOffset = offset
    }

    /// Returns why the segment is not whole; its size is then that of the whole batches.
    private func check(
        _ segment: Segment, from: Int, to end: Int, _ offset: inout Int64, isDense: Bool, _ producers: inout ProducerState
    ) throws(StorageError) -> String? {
        var verifier = try BatchVerifier(segment, from: from, to: end)
        while true {
            switch try verifier.next(lowestOffset: offset, isDense: isDense) {
            case .end: return nil
            case .damage(let reason): return reason
            case .batch(let header, let position, let control):
                segment.note(header, at: position)
                segment.size = position + header.totalSize
                offset = header.lastOffset + 1
                note(header, control, segment, &producers)
            }
        }
    }

    private func note(_ header: RecordBatchHeader, _ control: ControlRecord?, _ segment: Segment, _ producers: inout ProducerState) {
        guard header.producerID >= 0 else { return }
        guard header.isControl else { return producers.note(header, now: now, limit: context.settings.maximumProducers) }
        let (commit, epoch): (Bool, Int32)
        switch control {
        case .commit(let coordinatorEpoch): (commit, epoch) = (true, coordinatorEpoch)
        case .abort(let coordinatorEpoch): (commit, epoch) = (false, coordinatorEpoch)
        case nil: return
        }
        let aborted = producers.noteEnd(
            producerID: header.producerID, epoch: header.producerEpoch, commit: commit, coordinatorEpoch: epoch, offset: header.lastOffset,
            now: now)
        if let aborted { segment.aborted.append(aborted) }
        producers.settle(highWatermark: Int64.max)
    }

    private func cut(_ log: inout RecoveredLog, at index: Int, position: Int, _ offset: Int64, _ reason: String) throws(StorageError) {
        var bytes = log.segments[index].size - position
        for segment in log.segments[(index + 1)...] { bytes += segment.size }
        for segment in log.segments[(index + 1)...].reversed() { try segment.remove() }
        log.segments.removeSubrange((index + 1)...)
        let segment = log.segments[index]
        if position == 0 && index > 0 {
            try segment.remove()
            log.segments.removeLast()
        } else {
            try FileSystem.truncate(segment.path(.log), to: position)
            segment.size = position
        }
        if bytes > 0 { context.report(.cut(partition, fromOffset: offset, bytes: bytes, reason: reason)) }
    }
}
