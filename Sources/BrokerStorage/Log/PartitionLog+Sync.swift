import KafkaProtocol

extension PartitionLog {
    /// Adds to a round what is not synced.
    func gather(_ index: Int, into work: inout SyncRound) -> SyncMark {
        isDirty = false
        var mark = SyncMark(endOffset: endOffset, stableOffset: producers.firstOpen ?? endOffset)
        guard !isDeleted else { return mark }
        for segment in segments.reversed() {
            if segment.syncedSize >= segment.size {
                // All before the last one but one are synced when that one is.
                if segment !== active { break }
                continue
            }
            mark.segments.append((segment, segment.size))
            let target = segment.openFile.map { SyncRound.Target.open($0) } ?? .closed
            work.files.append(SyncRound.File(path: segment.path(.log), target: target, log: index))
        }
        if isDirectoryDirty {
            work.directories.append((directory, index))
            isDirectoryDirty = false
        }
        return mark
    }

    /// The round could not sync the log, and the next one may.
    func syncAgain(_ error: StorageError) {
        context.report(.troubled(error))
        isDirectoryDirty = true
        becomeDirty()
    }

    /// What the round began with is on the disk. After a failure nothing counts as that any more: the system tells of data that it could not write once only.
    func synced(_ mark: SyncMark) {
        guard failure == nil else { return }
        for (segment, size) in mark.segments { segment.syncedSize = max(segment.syncedSize, size) }
        syncedStableOffset = max(syncedStableOffset, mark.stableOffset)
        guard mark.endOffset > syncedOffset else { return }
        syncedOffset = mark.endOffset
        if context.settings.syncsBeforeAcknowledging && !isDeleted { advanced() }
    }

    var manifestEntry: Manifest.Entry {
        var entry = Manifest.Entry()
        entry.topic = partition.topic
        entry.partition = partition.partition
        entry.topicID = topicID
        entry.startOffset = startOffset
        entry.checkpoint = nextCheckpoint ?? checkpoint
        entry.firstDirty = firstDirty
        return entry
    }

    /// Moves the recovery point to the end, if it was chosen; counts when the round with the manifest is through.
    func prepareCheckpoint(into work: inout SyncRound) {
        guard isCheckpointChosen else { return }
        isCheckpointChosen = false
        // A closed segment has something left when its indexes could not be written as it was closed.
        for segment in segments where segment === active || segment.hasUnstored { segment.storeIndexes() }
        // What an index of aborted transactions lacks would not be found again.
        guard segments.allSatisfy(\.aborted.tail.isEmpty) else { return }
        for segment in segments where segment.baseOffset >= checkpoint.segmentBase {
            for file in [SegmentFile.offsets, .times, .aborted] {
                work.files.append(SyncRound.File(path: segment.path(file), target: .closed, log: SyncRound.indexes))
            }
        }
        if !producers.entries.isEmpty {
            let snapshot = ProducerSnapshot(entries: Array(producers.entries.values))
            let path = directory + "/" + ProducerSnapshot.name(endOffset)
            work.snapshots.append(SyncRound.Contents(path: path, bytes: CheckedFile.encode(snapshot, version: 1)))
            work.snapshotDirectories.append(directory)
        }
        nextCheckpoint = Checkpoint(
            offset: endOffset, segmentBase: active.baseOffset, position: Int64(active.size), hasSnapshot: !producers.entries.isEmpty,
            offsetEntries: Int32(clamping: active.offsets.stored ?? 0), timeEntries: Int32(clamping: active.times.stored ?? 0),
            abortedEntries: Int32(clamping: active.aborted.stored ?? 0))
        uncheckedBytes = 0
    }

    /// The round with the manifest is through.
    func endCheckpoint(isKept: Bool) {
        guard let next = nextCheckpoint else { return }
        nextCheckpoint = nil
        guard isKept else { return }
        let old = checkpoint
        checkpoint = next
        guard old.hasSnapshot, old.offset != next.offset, !isDeleted else { return }
        do throws(StorageError) { try FileSystem.remove(directory + "/" + ProducerSnapshot.name(old.offset)) } catch {
            context.report(.troubled(error))
        }
    }
}
