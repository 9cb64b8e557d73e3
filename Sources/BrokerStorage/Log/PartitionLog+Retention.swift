import KafkaProtocol

extension PartitionLog {
    /// Rolls and removes what is due by time or size. Returns whether the start offset moved.
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - remove: removes files in the background.
    func maintain(now: Int64, remove: ([String]) -> Void) -> Bool {
        producers.expire(now: now, after: context.settings.producerExpirationMs)
        guard failure == nil, !isSwapping else { return false }
        do throws(StorageError) {
            if isOld(active, now: now) { tryToRoll() }
            var count = 0
            if settings.cleanupPolicy.contains(.delete) { count = try max(expired(now: now), surplus()) }
            count = max(count, segments.dropLast().prefix { segment in end(of: segment) <= startOffset }.count)
            return try removeFirst(count, remove)
        } catch {
            context.report(.troubled(error))
            return false
        }
    }

    private func end(of segment: Segment) -> Int64 {
        let next = segmentIndex(of: segment.baseOffset) + 1
        return next < segments.count ? segments[next].baseOffset : endOffset
    }

    /// How many segments at the start have only records that are too old; the last one too, which gives way to a new one then.
    private func expired(now: Int64) throws(StorageError) -> Int {
        guard settings.retentionMs >= 0 else { return 0 }
        var count = 0
        for segment in segments {
            guard end(of: segment) <= highWatermark else { break }
            // Compaction may have left nothing of a segment.
            if segment.size == 0 && segment !== active {
                count += 1
                continue
            }
            guard segment.size > 0, let newest = segment.newest, now &- newest > settings.retentionMs else { break }
            count += 1
        }
        if count == segments.count { tryToRoll() }
        return count
    }

    /// Where no file can be made, what retention removes may be what makes room for one.
    private func tryToRoll() { do throws(StorageError) { try roll() } catch { context.report(.troubled(error)) } }

    /// How many segments at the start are too much for the size that may be kept.
    private func surplus() throws(StorageError) -> Int {
        guard settings.retentionBytes >= 0 else { return 0 }
        var excess = Int64(size) - settings.retentionBytes
        var count = 0
        for segment in segments.dropLast() {
            guard excess >= Int64(segment.size), end(of: segment) <= highWatermark else { break }
            excess -= Int64(segment.size)
            count += 1
        }
        return count
    }

    /// How many segments at the start no start after a crash would miss. What producers have done behind the recovery point no snapshot has: without its batches
    /// they would be told that their next sequence number is wrong, or have a batch of before appended twice. On a full disk room comes first: the recovery point
    /// may have no room to move.
    private var dispensableCount: Int {
        if producers.entries.isEmpty || context.isFull { return segments.count }
        return segments.prefix { end(of: $0) <= checkpoint.offset }.count
    }

    /// Removes segments at the start, never the last one.
    private func removeFirst(_ wanted: Int, _ remove: ([String]) -> Void) throws(StorageError) -> Bool {
        let wanted = min(wanted, segments.count - 1)
        let count = min(wanted, dispensableCount)
        awaitsCheckpoint = count < wanted
        guard count > 0 else { return false }
        for _ in 0..<count {
            let segment = segments[0]
            context.files.close(segment)
            let paths = try segment.retire()
            segments.removeFirst()
            remove(paths)
        }
        isDirectoryDirty = true
        becomeDirty()
        recentEnds.forget()
        let before = startOffset
        startOffset = max(startOffset, segments[0].baseOffset)
        return startOffset != before
    }

    /// Removes what stands before an offset, for readers at once, from the disk by whole segments. Throws offsetOutOfRange.
    public func advanceStart(to offset: Int64) throws(ErrorCode) {
        guard offset >= 0, offset <= highWatermark else { throw .offsetOutOfRange }
        guard offset > startOffset else { return }
        startOffset = offset
        context.isManifestDue = true
    }
}

extension Segment {
    /// The highest timestamp, or without timestamps when the file was written last.
    var newest: Int64? { knownHighest()?.timestamp ?? FileSystem.modified(path(.log)) }

    /// Renames the files, so that no start of the broker takes them for a part of the log; returns their new names.
    func retire() throws(StorageError) -> [String] {
        var paths: [String] = []
        // The log first: without it the others are nothing.
        for file in SegmentFile.allCases where FileSystem.size(path(file)) != nil {
            let path = path(file)
            try FileSystem.rename(path, to: path + ".deleted")
            paths.append(path + ".deleted")
        }
        return paths
    }
}
