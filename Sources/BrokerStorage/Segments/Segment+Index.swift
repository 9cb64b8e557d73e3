import Glibc
import KafkaProtocol

extension Segment {
    /// Enters a batch that was just written, or read in recovery, into the indexes.
    func note(_ header: RecordBatchHeader, at position: Int) {
        if position == 0 { firstTimestamp = header.maxTimestamp }
        // What compaction has left empty has no time.
        let batchHasHighest = header.recordCount > 0 && header.maxTimestamp > (knownHighest()?.timestamp ?? -1)
        if batchHasHighest { highest = TimeEntry(timestamp: header.maxTimestamp, relativeOffset: relative(header.baseOffset)) }
        guard position - indexedPosition >= context.settings.indexIntervalBytes || position == 0 else { return }
        indexedPosition = position
        offsets.append(OffsetEntry(relativeOffset: relative(header.baseOffset), position: UInt32(clamping: position)))
        noteHighest()
        if offsets.isDue || times.isDue { storeIndexes() }
    }

    /// The highest timestamp, and which batch has it; nil without timestamps. What is not known is read from the index.
    func knownHighest() -> TimeEntry? {
        if let highest { return highest }
        let last = try? times.last(path(.times))
        let isWhole = (FileSystem.size(path(.times)) ?? 0) % TimeEntry.size == 0
        if isIndexBroken || !isWhole || !isRight(last) {
            rebuildIndexes("the index of times is missing or wrong")
            if let highest { return highest }
        }
        highest = .some(last)
        return last
    }

    /// Whether the batch that an entry of `times` names has that time. Without an entry, whether the first batch has no time.
    func isRight(_ entry: TimeEntry?) -> Bool {
        guard size > 0 else { return entry == nil }
        guard let entry else {
            guard let first = try? header(at: 0) else { return true }
            return first.recordCount == 0 || first.maxTimestamp < 0
        }
        let offset = baseOffset + Int64(entry.relativeOffset)
        guard var scanner = try? BatchScanner(self, from: hint(for: offset)) else { return true }
        while let (header, _) = try? scanner.next(), header.baseOffset <= offset {
            if header.baseOffset == offset { return header.maxTimestamp == entry.timestamp }
        }
        return false
    }

    /// Brings `times` up to date.
    private func noteHighest() {
        guard let entry = knownHighest() else { return }
        let last = try? times.last(path(.times))
        if (last?.timestamp ?? -1) < entry.timestamp { times.append(entry) }
    }

    /// Writes what the indexes hold in memory, so that a closed segment takes none. Indexes are no reason to refuse data: a failure is told. What is then
    /// missing in those of offsets and times only makes a search longer; aborted transactions stay in memory, and the recovery point waits for them.
    func storeIndexes() {
        noteHighest()
        do throws(StorageError) { try aborted.store(path(.aborted)) } catch { context.report(.troubled(error)) }
        do throws(StorageError) {
            try offsets.store(path(.offsets))
            try times.store(path(.times))
        } catch {
            context.report(.troubled(error))
            if offsets.tail.count > 16 * IndexFile<OffsetEntry>.maximumTail { offsets.dropTail() }
            if times.tail.count > 16 * IndexFile<TimeEntry>.maximumTail { times.dropTail() }
        }
    }

    /// Whether the indexes hold something in memory.
    var hasUnstored: Bool { !(offsets.tail.isEmpty && times.tail.isEmpty && aborted.tail.isEmpty) }

    /// Where to begin to look for an offset: a batch at or before it.
    func hint(for offset: Int64) -> Int {
        let target = relative(offset)
        return place(where: { $0.relativeOffset <= target }, isRight: { $0.baseOffset <= offset })
    }

    /// The last batch in the index that begins at `position` or before.
    func boundary(before position: Int) -> Int { place(where: { Int($0.position) <= position }, isRight: { _ in true }) }

    /// Where the last entry that `holds` points to, when a batch begins there; an index that says something else is made anew.
    private func place(where holds: (OffsetEntry) -> Bool, isRight: (RecordBatchHeader) -> Bool) -> Int {
        checkIndex()
        for _ in 0..<2 {
            guard let entry = try? offsets.last(path(.offsets), where: holds) else { return 0 }
            let position = Int(entry.position)
            if let header = try? header(at: position), header.problem(lowestOffset: baseOffset) == nil, isRight(header),
                relative(header.baseOffset) == entry.relativeOffset
            {
                return position
            }
            rebuildIndexes("its entry for byte \(position) is wrong")
        }
        return 0
    }

    /// Looks once whether the index can be that of this segment, and makes it anew when not.
    private func checkIndex() {
        if isIndexBroken { return rebuildIndexes("entries are missing") }
        guard !isIndexChecked else { return }
        isIndexChecked = true
        guard size > 0 else { return }
        let path = path(.offsets)
        let bytes = FileSystem.size(path) ?? 0
        let last = try? offsets.last(path)
        if offsets.isEmpty(path) || bytes % OffsetEntry.size != 0 {
            rebuildIndexes("the index is \(bytes == 0 ? "missing" : "no whole number of entries")")
        } else if let last, Int(last.position) >= size {
            rebuildIndexes("the index goes beyond the log")
        }
    }

    /// Makes both indexes anew from the log.
    func rebuildIndexes(_ reason: String) {
        context.report(.rebuilt(path: path(.offsets), reason: reason))
        isIndexChecked = true
        isIndexBroken = false
        do throws(StorageError) {
            try offsets.truncate(path(.offsets), to: 0)
            try times.truncate(path(.times), to: 0)
            highest = .some(nil)
            indexedPosition = 0
            var scanner = try BatchScanner(self, from: 0)
            while let (header, position) = try scanner.next() { note(header, at: position) }
            storeIndexes()
        } catch { context.report(.troubled(error)) }
    }
}
