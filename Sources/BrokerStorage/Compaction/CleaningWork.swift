import Glibc
import KafkaProtocol
import Synchronization

/// One run of the cleaner over a log: the map of its keys first, then segment after segment.
///
/// `@unchecked`: `outcome` has its lock, `plan` and `pace` do not change; all else is used on the cleaning thread only, one step after another.
final class CleaningWork: @unchecked Sendable {
    enum Outcome: Sendable {
        /// The group's cleaned files are on the disk.
        case cleaned(SegmentSwap, group: [CleaningSource], size: Int)
        /// The decision of a swap is on the disk.
        case decided(SegmentSwap, group: [CleaningSource], size: Int)
        /// The decision of a swap may not be on the disk.
        case undecided(SegmentSwap, group: [CleaningSource], size: Int, StorageError)
        /// There are no more groups; before the offset each key stands once.
        case finished(Int64)
        case failed(StorageError)
        case cancelled
    }

    let plan: CleaningPlan
    let pace: CleaningPace
    private let outcome = Mutex<Outcome?>(nil)

    private var groups: [[CleaningSource]] = []
    private var end: Int64 = 0
    private var filter: CompactionFilter?
    private let endings: [Int64: AbortedTransaction]

    init(_ plan: CleaningPlan, _ pace: CleaningPace) {
        self.plan = plan
        self.pace = pace
        endings = Dictionary(plan.aborted.map { ($0.lastOffset, $0) }) { first, _ in first }
    }

    func keep(_ new: Outcome) { outcome.withLock { $0 = new } }

    func take() -> Outcome? {
        outcome.withLock { kept in
            defer { kept = nil }
            return kept
        }
    }

    /// The first step: the map, and the first group.
    func begin() -> Outcome {
        do throws(StorageError) {
            guard try makeMap() else { return .cancelled }
        } catch { return .failed(error) }
        return next()
    }

    /// Cleans the next group. What was written of one that fails is removed.
    func next() -> Outcome {
        guard let group = groups.first, let first = group.first, let last = group.last else { return .finished(end) }
        groups.removeFirst()
        let swap = SegmentSwap(directory: plan.directory, baseOffset: first.baseOffset, endOffset: last.endOffset)
        let result: Outcome
        do throws(StorageError) {
            if let size = try clean(group) { return .cleaned(swap, group: group, size: size) }
            result = .cancelled
        } catch { result = .failed(error) }
        do throws(StorageError) { try CleanedSegment.remove(first.baseOffset, directory: plan.directory) } catch { return .failed(error) }
        return result
    }

    /// Makes the decision of a swap survive a power cut.
    func settle(_ swap: SegmentSwap, _ group: [CleaningSource], size: Int) -> Outcome {
        do throws(StorageError) { try FileSystem.sync(path: plan.directory) } catch {
            return .undecided(swap, group: group, size: size, error)
        }
        return .decided(swap, group: group, size: size)
    }

    /// False when the run was cancelled.
    private func makeMap() throws(StorageError) -> Bool {
        guard let map = OffsetMap(records: plan.end - plan.firstDirty, maximumBytes: plan.mapBytes) else {
            throw .system(operation: "take memory for", path: plan.directory, number: ENOMEM)
        }
        let aborted = AbortedRanges(plan.aborted.map { ($0.producerID, min($0.firstOffset, $0.lastOffset)...$0.lastOffset) })
        var isFull = false
        for source in plan.sources where source.endOffset > plan.firstDirty && !isFull {
            var reader = try BatchFileReader(plan.path(source), baseOffset: source.baseOffset, size: source.size)
            while !isFull, let batch = try reader.next() {
                if pace.isCancelled { return false }
                do throws(BatchError) {
                    isFull =
                        !(try map.add(
                            batch, from: plan.firstDirty, aborted: aborted, secret: plan.secret,
                            maximumBytes: PartitionLog.maximumUncompressedBytes))
                } catch {
                    throw .corrupt(path: plan.path(source), reason: "\(error.reason) in the batch of offset \(batch.header.baseOffset)")
                }
                pace.spend(batch.bytes.count)
            }
        }
        end = isFull ? map.latestOffset + 1 : plan.end
        groups = plan.groups(below: end)
        filter = CompactionFilter(
            map: map, secret: plan.secret, aborted: aborted, producers: plan.producers, now: plan.now,
            deleteRetentionMs: plan.deleteRetentionMs, endOffset: plan.logEndOffset, maximumBytes: PartitionLog.maximumUncompressedBytes)
        return true
    }

    /// Writes what stays of a group; returns its bytes, nil when the run was cancelled.
    private func clean(_ group: [CleaningSource]) throws(StorageError) -> Int? {
        try checkSpace(group.reduce(0) { $0 + $1.size })
        var cleaned = try CleanedSegment(
            group[0].baseOffset, directory: plan.directory, indexIntervalBytes: plan.indexIntervalBytes, space: plan.simulatedSpace)
        var modified: Int64?
        for source in group {
            modified = FileSystem.modified(plan.path(source)) ?? modified
            guard try clean(source, into: &cleaned) else { return nil }
        }
        try cleaned.finish(modified: modified)
        return cleaned.size
    }

    private func clean(_ source: CleaningSource, into cleaned: inout CleanedSegment) throws(StorageError) -> Bool {
        var reader = try BatchFileReader(plan.path(source), baseOffset: source.baseOffset, size: source.size)
        while let batch = try reader.next() {
            if pace.isCancelled { return false }
            let before = cleaned.size
            switch try verdict(on: batch, of: source) {
            case .dropped: break
            case .whole: try append(batch.header, batch.bytes, to: &cleaned)
            case .changed(let bytes):
                guard let header = bytes.withUnsafeBytes({ RecordBatchHeader($0) }) else { break }
                try append(header, bytes[...], to: &cleaned)
            }
            pace.spend(batch.bytes.count + cleaned.size - before)
        }
        return true
    }

    private func verdict(on batch: RecordBatch, of source: CleaningSource) throws(StorageError) -> CompactionFilter.Verdict {
        do throws(BatchError) { return try filter?.verdict(on: batch) ?? .whole } catch {
            throw .corrupt(path: plan.path(source), reason: "\(error.reason) in the batch of offset \(batch.header.baseOffset)")
        }
    }

    /// An aborted transaction is told to readers as long as they find its end: they would take what comes later for aborted too.
    private func append(_ header: RecordBatchHeader, _ bytes: ArraySlice<UInt8>, to cleaned: inout CleanedSegment) throws(StorageError) {
        let isEnd = header.isControl && header.recordCount > 0
        try cleaned.append(header, bytes, ending: isEnd ? endings[header.lastOffset] : nil)
    }

    /// A cleaned segment may need as much as the old ones until these are gone.
    private func checkSpace(_ bytes: Int) throws(StorageError) {
        var status = statvfs()
        guard plan.simulatedSpace == nil, statvfs(plan.directory, &status) == 0 else { return }
        let free = Int(clamping: status.f_bavail).multipliedReportingOverflow(by: Int(clamping: status.f_frsize))
        if !free.overflow && free.partialValue - plan.reservedBytes < bytes { throw .full(path: plan.directory) }
    }
}
