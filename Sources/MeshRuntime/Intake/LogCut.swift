import Kafka

/// A log that was cut, or made anew, while it was read: a leader that was not in sync, a broker that lost its power, a topic that was deleted and made again.
struct LogCut: Sendable, Equatable {
    /// One above the last record that was read of it.
    let read: Int64
    /// It ended there since, or below it.
    let end: Int64

    /// Where to go on in a log that ends at `end` by now: where it was cut, nobody knows, and what was written since then must not be passed over. The last
    /// `window` that were done are known by their identities, and are not handled again.
    func place(end: Int64, low: Int64, window: Int64) -> Int64 {
        // After a short cut all that is read again is known.
        max(low, 0, (read - end <= window ? read : end) - window)
    }
}

/// Where a partition is gone on with, as its commit and its log say together.
struct Beginning: Sendable, Equatable {
    /// What counts as committed: where nothing is, the beginning of the log.
    private(set) var commit: CommittedOffset
    /// Journals and notes at this offset and above mean nothing: where the log ends, or has ended, when that is below what was finished; of one that was cut,
    /// where it is read again from. nil: all hold.
    private(set) var forgetFrom: Int64?
    /// See `Restoration`.
    private(set) var putTo: StartOffset?
    private var cutEnd: Int64?
    /// The records whose identities are read: of a log that was cut also those from `commit` on, since nobody knows where its new ones begin.
    var remembered: CommittedOffset { cutEnd.map { CommittedOffset(offset: $0) } ?? commit }

    /// - Parameter window: so many identities are known of a partition that is read already.
    init(_ committed: CommittedOffset?, _ marks: Watermarks, cut: LogCut? = nil, window: Int64 = 0) {
        commit = committed ?? CommittedOffset(offset: marks.low)
        let end = min(marks.high, cut?.end ?? .max)
        if let committed { clip(committed, at: end) }
        guard let cut else { return }
        cutEnd = end
        // All that is read from there on may be new, also what counted as finished. Below it nothing is, however long a record there is open.
        let place = cut.place(end: end, low: marks.low, window: window)
        commit = commit.offset < place ? Self.commit(commit, below: place) : CommittedOffset(offset: place)
        (forgetFrom, putTo) = (place, .at(commit.offset))
    }

    /// What a commit says of the offsets below `end`, which is above its own.
    private static func commit(_ commit: CommittedOffset, below end: Int64) -> CommittedOffset {
        let finished = CommitMetadata.finished(committed: commit.offset, in: commit.metadata).filter { $0.lowerBound < end }
            .map { $0.lowerBound...min($0.upperBound, end - 1) }
        return CommittedOffset(offset: commit.offset, metadata: CommitMetadata.text(committed: commit.offset, finished: finished))
    }

    /// What is written from the end on is new, though its offsets count as finished.
    private mutating func clip(_ committed: CommittedOffset, at end: Int64) {
        guard committed.offset <= end else {
            commit = CommittedOffset(offset: end)
            (forgetFrom, putTo) = (end, .at(end))
            return
        }
        let finished = CommitMetadata.finished(committed: committed.offset, in: committed.metadata)
        guard let last = finished.last, last.upperBound >= end else { return }
        commit = Self.commit(committed, below: end)
        forgetFrom = end
    }
}
