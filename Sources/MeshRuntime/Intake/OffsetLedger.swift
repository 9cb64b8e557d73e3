/// Which records of one partition are finished: the commit is the lowest offset that is not, and what is finished above it travels in the
/// commit's metadata.
///
/// Only offsets that were read are known; gaps (compaction, transaction markers) need no entry. A new assignment needs a new ledger.
public struct OffsetLedger: Sendable, Equatable {
    /// The most metadata that a commit carries, in bytes. Kafka's default limit (`offset.metadata.max.bytes`) is 4096.
    public static let maximumMetadataBytes = 3_500

    /// Read and not finished, ascending.
    private var open: [Int64] = []
    /// Finished above the watermark: ascending and disjoint. Restored ones may lie above `position`.
    private var finished: [ClosedRange<Int64>]
    /// One above the highest offset read; the committed offset before the first read; nil when neither is known.
    private var position: Int64?

    public init(committed: Int64? = nil, finished: [ClosedRange<Int64>] = []) {
        position = committed
        self.finished = finished
    }

    /// How many records are read and not finished.
    public var openCount: Int { open.count }
    /// How many ranges a commit carries.
    public var rangeCount: Int { finished.count }

    /// The lowest offset that is not finished; nil when nothing was ever read or committed.
    public var watermark: Int64? { open.first ?? position }

    /// What to commit. Nil when nothing was ever read or committed.
    public var committable: (offset: Int64, finished: [ClosedRange<Int64>])? { watermark.map { ($0, finished) } }

    /// Whether the record is settled already, by this owner or an earlier one.
    public func isFinished(_ offset: Int64) -> Bool {
        if let watermark, offset < watermark { return true }
        let place = finished.partitionPoint { $0.upperBound >= offset }
        return place < finished.count && finished[place].contains(offset)
    }

    /// Whether one more record can be read so that the metadata fits, in whatever order the open ones finish.
    public var hasRoom: Bool {
        guard let first = open.first, let position else { return true }
        let top = max(position, finished.last?.upperBound ?? position)
        let bytesPerRange = 2 * CommitMetadata.digits(in: top - first + 1) + 2
        return (open.count + 1 + finished.count) * bytesPerRange + CommitMetadata.prefix.count <= Self.maximumMetadataBytes
    }

    /// Notes that a record was read. False when it is settled already, or was read before, and must not be handled again.
    public mutating func begin(_ offset: Int64) -> Bool {
        let isNew = !isFinished(offset)
        position = max(position ?? offset, offset + 1)
        guard isNew else {
            trim()
            return false
        }
        let place = open.partitionPoint { $0 >= offset }
        guard place == open.count || open[place] != offset else { return false }
        open.insert(offset, at: place)
        return true
    }

    /// Marks a record that was read as finished. False when it is not open.
    @discardableResult
    public mutating func finish(_ offset: Int64) -> Bool {
        let place = open.partitionPoint { $0 >= offset }
        guard place < open.count, open[place] == offset else { return false }
        open.remove(at: place)
        insert(offset)
        trim()
        return true
    }

    private mutating func insert(_ offset: Int64) {
        let place = finished.partitionPoint { $0.upperBound >= offset }
        // Neighbours join when every offset between them was read and none of those is open.
        let joinsPrevious = place > 0 && !hasOpen(between: finished[place - 1].upperBound, and: offset)
        let joinsNext =
            place < finished.count && finished[place].lowerBound <= (position ?? 0)
            && !hasOpen(between: offset, and: finished[place].lowerBound)
        switch (joinsPrevious, joinsNext) {
        case (true, true):
            finished[place - 1] = finished[place - 1].lowerBound...finished[place].upperBound
            finished.remove(at: place)
        case (true, false): finished[place - 1] = finished[place - 1].lowerBound...offset
        case (false, true): finished[place] = offset...finished[place].upperBound
        case (false, false): finished.insert(offset...offset, at: place)
        }
    }

    private mutating func trim() {
        // With nothing open, what an earlier owner finished from here on is passed too.
        if open.isEmpty, let position {
            let place = finished.partitionPoint { $0.upperBound >= position }
            if place < finished.count, finished[place].lowerBound <= position { self.position = finished[place].upperBound + 1 }
        }
        guard let watermark else { return }
        let keep = finished.partitionPoint { $0.upperBound >= watermark }
        if keep > 0 { finished.removeFirst(keep) }
    }

    private func hasOpen(between low: Int64, and high: Int64) -> Bool {
        let place = open.partitionPoint { $0 > low }
        return place < open.count && open[place] < high
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
