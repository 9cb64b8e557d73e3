/// Which records of one partition are finished: the commit is the lowest offset that is not, and what is finished above it travels in the
/// commit's metadata.
///
/// Only offsets that were read are known; gaps (compaction, transaction markers) need no entry. A new assignment needs a new ledger. Reading and finishing
/// in order take constant time. Memory, and the time of `committable`, go by the records that are open and the runs of finished ones between them, however
/// long the lowest stays open.
struct OffsetLedger: Sendable {
    /// The most metadata that a commit carries, in bytes. Kafka's default limit (`offset.metadata.max.bytes`) is 4096.
    static let maximumMetadataBytes = 3_500

    private enum State { case open, finished, leftOut }

    /// A record; or finished ones, or left out ones, that follow each other. None that is left out stands beside a finished one.
    private struct Entry {
        var first: Int64
        var last: Int64
        var state: State

        init(_ offset: Int64, _ state: State) {
            (first, last) = (offset, offset)
            self.state = state
        }

        var isFinished: Bool { state == .finished }
    }

    /// What was read and is not below the watermark, ascending, from `head` on. The first of them is open.
    private var entries: [Entry] = []
    private var head = 0
    /// When there are so many entries, neighbours that are finished or left out become one.
    private var mergeAt = Self.fewEntries

    /// So many are not worth merging.
    private static let fewEntries = 4_096
    /// Finished by an earlier owner, above all that was read: ascending and disjoint.
    private var restored: [ClosedRange<Int64>]
    /// How many runs of finished entries there are.
    private var runs = 0
    /// How many entries are open.
    private(set) var openCount = 0
    /// One above the highest offset read; the committed offset before the first read; nil when neither is known.
    private var position: Int64?

    private let metadataBytes: Int

    /// - Parameter metadataBytes: the most that a commit carries.
    init(committed: Int64? = nil, finished: [ClosedRange<Int64>] = [], metadataBytes: Int = Self.maximumMetadataBytes) {
        position = committed
        restored = finished
        self.metadataBytes = metadataBytes
    }

    /// How many ranges a commit carries, at most.
    var rangeCount: Int { runs + restored.count }

    /// The lowest offset that is not finished; nil when nothing was ever read or committed.
    var watermark: Int64? { head < entries.count ? entries[head].first : position }

    /// The offset that is read next; nil when nothing was ever read or committed.
    var nextRead: Int64? { position }

    /// What to commit. Nil when nothing was ever read or committed.
    var committable: (offset: Int64, finished: [ClosedRange<Int64>])? {
        guard let watermark else { return nil }
        guard runs > 0 else { return (watermark, restored) }
        var finished: [ClosedRange<Int64>] = []
        finished.reserveCapacity(rangeCount)
        var start: Int64?
        for place in head..<entries.count {
            let entry = entries[place]
            if entry.isFinished {
                start = start ?? entry.first
            } else if let first = start {
                finished.append(first...entries[place - 1].last)
                start = nil
            }
        }
        guard let start else { return (watermark, finished + restored) }
        let end = entries[entries.count - 1].last
        guard let next = restored.first, next.lowerBound == end + 1 else { return (watermark, finished + [start...end] + restored) }
        return (watermark, finished + [start...next.upperBound] + restored.dropFirst())
    }

    /// Whether a commit's metadata has room for what it would carry once `offset` is finished too. Always true of the lowest open record, and of the
    /// neighbour of one that is finished, so that what waits for room never waits for ever.
    func canFinish(_ offset: Int64) -> Bool {
        guard rangeCount >= safeRanges, let watermark, offset != watermark, let place = place(of: offset) else { return true }
        guard !isFinished(at: place - 1), !isFinished(at: place + 1) else { return true }
        let top = max(position ?? offset, restored.last?.upperBound ?? offset)
        let bytesPerRange = 2 * CommitMetadata.digits(in: top - watermark + 1) + 2
        return (rangeCount + 1) * bytesPerRange + CommitMetadata.prefix.count <= metadataBytes
    }

    /// So many ranges always fit: their numbers have at most 13 digits.
    private var safeRanges: Int { (metadataBytes - CommitMetadata.prefix.count) / 28 }

    /// Notes that a record was read. False when it is settled already, or was read before, and must not be handled again.
    mutating func begin(_ offset: Int64) -> Bool {
        guard offset >= position ?? .min else { return false }
        position = offset + 1
        let isNew = !isRestored(offset)
        if isNew {
            append(Entry(offset, .open))
            openCount += 1
        } else if head < entries.count {
            if !entries[entries.count - 1].isFinished { runs += 1 }
            append(Entry(offset, .finished))
            takeAlong(around: entries.count - 1)
        }
        passRestored()
        return isNew
    }

    private mutating func append(_ entry: Entry) {
        if head == entries.count { removeAll() }
        if entries.count - head >= mergeAt { mergeFinished() }
        entries.append(entry)
    }

    private mutating func removeAll() {
        entries.removeAll(keepingCapacity: entries.count < Self.fewEntries)
        (head, mergeAt) = (0, Self.fewEntries)
    }

    /// Makes one entry of each run of finished ones, and of left out ones. Not soon again where that left many, so that each entry pays for it a few times at most.
    private mutating func mergeFinished() {
        var merged: [Entry] = []
        for entry in entries[head...] {
            if entry.state != .open, let before = merged.last, before.state == entry.state {
                merged[merged.count - 1].last = entry.last
            } else {
                merged.append(entry)
            }
        }
        (entries, head, mergeAt) = (merged, 0, max(Self.fewEntries, 2 * merged.count))
    }

    private func isRestored(_ offset: Int64) -> Bool {
        guard !restored.isEmpty else { return false }
        let place = restored.partitionPoint { $0.upperBound >= offset }
        return place < restored.count && restored[place].contains(offset)
    }

    /// Drops restored ranges that were read past. With nothing open, what an earlier owner finished from here on is passed at once.
    private mutating func passRestored() {
        guard !restored.isEmpty, let read = position else { return }
        if head == entries.count, let place = restored.firstIndex(where: { $0.upperBound >= read }), restored[place].lowerBound <= read {
            position = restored[place].upperBound + 1
        }
        let next = position ?? read
        restored.removeFirst(restored.partitionPoint { $0.upperBound >= next })
        if let first = restored.first, first.lowerBound < next { restored[0] = next...first.upperBound }
    }

    /// Marks a record that was read as finished. False when it is not open.
    @discardableResult
    mutating func finish(_ offset: Int64) -> Bool {
        guard let place = place(of: offset), entries[place].state == .open else { return false }
        finish(at: place)
        return true
    }

    private mutating func finish(at place: Int) {
        entries[place].state = .finished
        openCount -= 1
        let (before, after) = (isFinished(at: place - 1), isFinished(at: place + 1))
        if before, after { runs -= 1 } else if !before, !after { runs += 1 }
        takeAlong(around: place)
        if place == head { advance() }
    }

    /// Marks a record that was read as one for which nothing is to be done: the watermark passes it, and a commit names it only where that takes no room, beside
    /// one that is finished. Otherwise it is read again after a restart, and left out again.
    mutating func leaveOut(_ offset: Int64) {
        guard let place = place(of: offset), entries[place].state == .open else { return }
        guard !isFinished(at: place - 1), !isFinished(at: place + 1) else { return finish(at: place) }
        entries[place].state = .leftOut
        openCount -= 1
        if place == head { advance() }
    }

    /// What is left out on both sides of a finished entry is finished too: its run takes no more room so.
    private mutating func takeAlong(around place: Int) {
        var next = place + 1
        while next < entries.count, entries[next].state == .leftOut {
            entries[next].state = .finished
            next += 1
        }
        next = place - 1
        while next >= head, entries[next].state == .leftOut {
            entries[next].state = .finished
            next -= 1
        }
    }

    /// Moves the watermark over what is done with at its place: one run.
    private mutating func advance() {
        if entries[head].isFinished { runs -= 1 }
        while head < entries.count, entries[head].state != .open { head += 1 }
        if head == entries.count {
            removeAll()
            passRestored()
        } else if head > 1_024, head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }

    private func isFinished(at place: Int) -> Bool { place >= head && place < entries.count && entries[place].isFinished }

    /// Where the entry stands that has the offset; nil when none has.
    private func place(of offset: Int64) -> Int? {
        guard head < entries.count, offset >= entries[head].first else { return nil }
        // Without gaps it stands where it must.
        let (guess, overflow) = head.addingReportingOverflow(Int(clamping: offset - entries[head].first))
        if !overflow, guess < entries.count, entries[guess].first == offset { return guess }
        var low = head
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].last >= offset { high = middle } else { low = middle + 1 }
        }
        return low < entries.count && entries[low].first <= offset ? low : nil
    }
}

extension Array {
    /// The first index whose element satisfies `predicate`, where all elements that satisfy it stand at the end.
    func partitionPoint(_ predicate: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
