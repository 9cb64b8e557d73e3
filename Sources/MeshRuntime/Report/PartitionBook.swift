import Kafka

/// How far the broker has each partition, as far as it has told this process. Confined to the engine's thread; bounded by what the process owns and by the
/// settlements under way.
struct PartitionBook {
    struct Entry: Equatable {
        /// What the broker has confirmed; nil when nothing was ever committed.
        var committed: Int64?
        /// Everything below it was delivered to this process: the offset at which the end was last reached.
        var end: Int64?

        /// Where what is decided ends, as the partition's leader was last asked; nil: it has not answered yet.
        var stable: Int64?

        /// Records that are not committed; nil when it is not known.
        ///
        /// What lies between the last record and the end are markers of transactions: a partition of which all was delivered, finished and committed has no
        /// lag, although its committed offset is below its end.
        func lag(_ marks: Watermarks?, _ ledger: OffsetLedger) -> Int64? {
            guard let marks else { return nil }
            // A fetch that has stopped tells of no new records.
            let high = max(marks.high, stable ?? 0)
            if isDone(ledger), let end, end >= high { return 0 }
            return max(0, high - max(committed ?? 0, marks.low))
        }

        /// Whether all that can be read was delivered, handled and committed, and what follows belongs to transactions that are not decided.
        func waitsForTransactions(_ marks: Watermarks?, _ ledger: OffsetLedger) -> Bool {
            guard let marks, let stable, stable < marks.high, isDone(ledger) else { return false }
            return max(ledger.nextRead ?? 0, end ?? 0) >= stable
        }

        private func isDone(_ ledger: OffsetLedger) -> Bool { ledger.openCount == 0 && ledger.watermark ?? -1 <= committed ?? -1 }
    }

    private var entries: [TopicPartition: Entry] = [:]
    /// Ends that were told before a restoration was over. Until then nothing is known of a partition, and all of it counts as lag.
    private var earlyEnds: [TopicPartition: Int64] = [:]
    /// Offsets of settlements that are under way.
    private var asked: [UInt64: [TopicPartition: CommittedOffset]] = [:]

    subscript(_ partition: TopicPartition) -> Entry { entries[partition] ?? Entry() }

    /// An assignment is restored, and begins with what is committed. The end of its log may have been told before; that does not count where the consumer
    /// `isPutElsewhere`.
    mutating func began(_ partition: TopicPartition, committed: Int64?, isPutElsewhere: Bool = false) {
        let end = earlyEnds.removeValue(forKey: partition) ?? entries[partition]?.end
        entries[partition] = Entry(committed: committed.flatMap { $0 >= 0 ? $0 : nil }, end: isPutElsewhere ? nil : end)
    }

    mutating func gave(up partitions: [TopicPartition]) {
        for partition in partitions { (entries[partition], earlyEnds[partition]) = (nil, nil) }
    }

    /// Of a partition that this process has.
    mutating func reachedEnd(of partition: TopicPartition, at offset: Int64) {
        if entries[partition] == nil { earlyEnds[partition] = offset } else { entries[partition]?.end = offset }
    }

    mutating func heard(_ ends: [TopicPartition: Int64]) { for (partition, end) in ends { entries[partition]?.stable = end } }

    /// The leaders have said nothing for so long that what they said before does not count any more.
    mutating func heardNothing() { for partition in entries.keys { entries[partition]?.stable = nil } }

    mutating func asks(_ batch: UInt64, _ offsets: [TopicPartition: CommittedOffset]) {
        if !offsets.isEmpty { asked[batch] = offsets }
    }

    mutating func answered(_ batch: UInt64, isCommitted: Bool) {
        guard let offsets = asked.removeValue(forKey: batch), isCommitted else { return }
        committed(offsets)
    }

    mutating func committed(_ offsets: [TopicPartition: CommittedOffset]) {
        for (partition, commit) in offsets { entries[partition]?.committed = commit.offset }
    }
}
