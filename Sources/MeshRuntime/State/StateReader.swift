import Kafka

/// A state topic, as the restore thread reads it.
protocol StateLog {
    /// The ends of a partition. Transactions that are decided or open may lie below `high`.
    func bounds(of number: Int32) throws -> Watermarks
    /// Reads partitions from the given offsets to the ends of what is committed there, but at least to `ends` where they are named, or as far as `body` says, or
    /// until `isEnough`, which is asked also while nothing comes.
    func read(_ starts: [Int32: Int64], to ends: [Int32: Int64], until isEnough: () -> Bool, _ body: (Record) -> Reading) throws
}

extension StateLog {
    func read(_ starts: [Int32: Int64], to ends: [Int32: Int64], _ body: (Record) -> Reading) throws {
        try read(starts, to: ends, until: { false }, body)
    }
}

/// What a reader wants after a record.
enum Reading {
    case more
    /// Nothing more of this record's partition.
    case partitionDone
}

/// Restores state partitions: from their local copies and what follows them on the topic, or from the topic alone. Confined to the restore thread.
struct StateReader {
    private let snapshots: Snapshots?
    private let progress: RestoreProgress
    private let topic: String
    /// How old a copy may be. After `delete.retention.ms` (a day, where the topic does not say otherwise) a topic forgets its tombstones, and a copy from before
    /// would bring back what they deleted. Half of it.
    static let oldest: Int64 = 12 * 3_600_000
    /// A clock that is set right by less dates no copy wrong.
    private static let clockStep: Int64 = 60_000
    /// How often a copy of a partition to which nothing is written is confirmed.
    private static let confirmEvery: Int64 = 600_000

    init(topic: String, snapshots: Snapshots?, progress: RestoreProgress = RestoreProgress()) {
        self.topic = topic
        self.snapshots = snapshots
        self.progress = progress
    }

    /// The newest value of each key, by partition.
    func read(_ numbers: Set<Int32>, _ log: some StateLog, at time: Int64) throws -> [Int32: [[UInt8]: [UInt8]]] {
        guard !numbers.isEmpty else { return [:] }
        var latest: [Int32: [[UInt8]: [UInt8]]] = [:]
        var starts: [Int32: Int64] = [:]
        var bounds: [Int32: Watermarks] = [:]
        for number in numbers {
            bounds[number] = try log.bounds(of: number)
            starts[number] = bounds[number]?.low
        }
        for (number, copy) in try usable(bounds, log, at: time) {
            latest[number] = copy.entries
            starts[number] = copy.head.anchor.offset + 1
        }
        // What is read up to its end already needs no fetch.
        let open = starts.filter { number, start in start < bounds[number]?.high ?? .max }
        progress.begin(open.map { number, start in (TopicPartition(topic, number), start, bounds[number]?.high ?? start) })
        // A transaction of the owner before may be decided while its marker is still on its way to this partition: it is waited for.
        try log.read(open, to: bounds.mapValues(\.high)) { record in
            progress.reached(record.topicPartition, record.offset)
            if let key = record.key { latest[record.partition, default: [:]][key] = record.value }
            // Waiting for the partition's end to be told would take another fetch.
            return record.offset + 1 >= bounds[record.partition]?.high ?? .max ? .partitionDone : .more
        }
        progress.end(numbers.map { TopicPartition(topic, $0) })
        return latest
    }

    /// The copies that fit the topic; the others are thrown away.
    private func usable(_ bounds: [Int32: Watermarks], _ log: some StateLog, at time: Int64) throws -> [Int32: SnapshotStore.Contents] {
        guard let snapshots else { return [:] }
        var copies: [Int32: SnapshotStore.Contents] = [:]
        for (number, marks) in bounds {
            guard let copy = snapshots.load(number, low: marks.low) else { continue }
            if let reason = unfit(copy.head, marks, at: time) {
                snapshots.drop(number, because: reason)
            } else {
                copies[number] = copy
            }
        }
        // The record where a copy ends is mostly there still. Where it is not, because a newer one of its key took its place, others are compared.
        var unsure = copies.mapValues { [$0.head.anchor] + $0.samples }
        while !unsure.isEmpty {
            let asked = unsure.compactMapValues(\.first)
            let verdicts = try compare(asked, log)
            for (number, anchor) in asked {
                switch verdicts[number] {
                case true: unsure[number] = nil
                case false:
                    snapshots.drop(number, because: "another record is at offset \(anchor.offset)")
                    copies[number] = nil
                    unsure[number] = nil
                case nil:
                    let rest = Array(unsure[number]?.dropFirst() ?? [])
                    unsure[number] = rest.isEmpty ? nil : rest
                    guard rest.isEmpty else { continue }
                    snapshots.drop(number, because: "none of the records that could prove it is there")
                    copies[number] = nil
                }
            }
        }
        return copies
    }

    /// Whether the topic has these records: true, false when it has others in their places, absent when it has none there.
    private func compare(_ anchors: [Int32: SnapshotStore.Anchor], _ log: some StateLog) throws -> [Int32: Bool] {
        var verdicts: [Int32: Bool] = [:]
        try log.read(anchors.mapValues(\.offset), to: [:]) { record in
            if let anchor = anchors[record.partition], anchor.offset == record.offset {
                verdicts[record.partition] = anchor == SnapshotStore.Anchor(record)
            }
            return .partitionDone
        }
        return verdicts
    }

    /// Carries the copies of `numbers` on to the topic's ends, until `isEnough`. True when they are there, or cannot be written now.
    func copy(_ numbers: Set<Int32>, _ log: some StateLog, at moment: Moment, until isEnough: () -> Bool) throws -> Bool {
        guard let snapshots, snapshots.canWrite(at: moment.uptime) else { return true }
        let time = moment.wall.milliseconds
        snapshots.begin(at: time)
        var anchors: [Int32: SnapshotStore.Anchor] = [:]
        var starts: [Int32: Int64] = [:]
        var stale: Set<Int32> = []
        var bounds: [Int32: Watermarks] = [:]
        for number in numbers {
            let marks = try log.bounds(of: number)
            bounds[number] = marks
            let head = usableHead(number, snapshots, marks, at: time)
            anchors[number] = head?.anchor
            if head.map({ time - $0.fresh >= Self.confirmEvery }) ?? true { stale.insert(number) }
            // The anchor is read again, to see that the topic is still the same.
            if let anchor = head?.anchor {
                if anchor.offset + 1 < marks.high { starts[number] = anchor.offset }
                if snapshots.isProven(number, anchor) { (starts[number], anchors[number]) = (anchor.offset + 1, nil) }
            } else if marks.low < marks.high {
                starts[number] = marks.low
            }
        }
        var (isComplete, moved) = try carryOn(starts, anchors, snapshots, log, until: isEnough)
        if !moved.isEmpty {
            // A newer record of its key took the place of the one where a copy ends: others prove the copy.
            let proven = try usable(bounds.filter { moved.contains($0.key) }, log, at: time)
            for (number, copy) in proven { snapshots.proves(number, copy.head.anchor) }
            let rest = try carryOn(proven.mapValues { $0.head.anchor.offset + 1 }, [:], snapshots, log, until: isEnough)
            isComplete = isComplete && rest.isComplete && proven.count == moved.count
        }
        snapshots.flush()
        if isComplete { snapshots.confirm(stale) }
        return isComplete && !snapshots.hasGap
    }

    private func usableHead(_ number: Int32, _ snapshots: Snapshots, _ marks: Watermarks, at time: Int64) -> SnapshotStore.Head? {
        guard let head = snapshots.head(number) else { return nil }
        guard let reason = unfit(head, marks, at: time) else { return head }
        snapshots.drop(number, because: reason)
        return nil
    }

    /// Why a copy does not fit the topic, as far as its head tells; nil: it may.
    private func unfit(_ head: SnapshotStore.Head, _ marks: Watermarks, at time: Int64) -> String? {
        if head.anchor.offset >= marks.high { return "it goes to \(head.anchor.offset), the topic ends at \(marks.high)" }
        let age = time - head.fresh
        if age < -Self.clockStep { return "it is dated \(-age / 60_000) minutes ahead, and nobody knows how old it is" }
        return age > Self.oldest ? "it is \(age / 3_600_000) hours old" : nil
    }

    /// Whether the ends were reached; and the partitions whose anchors are not in the topic any more, of which nothing was read.
    private func carryOn(
        _ starts: [Int32: Int64], _ anchors: [Int32: SnapshotStore.Anchor], _ snapshots: Snapshots, _ log: some StateLog,
        until isEnough: () -> Bool
    ) throws -> (isComplete: Bool, moved: Set<Int32>) {
        var anchors = anchors
        var isComplete = true
        var moved: Set<Int32> = []
        func isOver() -> Bool {
            guard isEnough() else { return false }
            isComplete = false
            return true
        }
        try log.read(starts, to: [:], until: isOver) { record in
            guard let anchor = anchors.removeValue(forKey: record.partition) else {
                snapshots.take(record)
                return .more
            }
            if anchor == SnapshotStore.Anchor(record) { return .more }
            if record.offset > anchor.offset {
                moved.insert(record.partition)
            } else {
                snapshots.drop(record.partition, because: "another record is at offset \(anchor.offset)")
                isComplete = false
            }
            return .partitionDone
        }
        return (isComplete, moved)
    }
}
