import Kafka

/// What the last samples say of how lag moves. Keeps half a minute of them.
struct LagTrend {
    private struct Point {
        let time: ContinuousClock.Instant
        let position: Int64?
        let records: Int64?
    }
    private struct Key: Hashable {
        let group: String
        let partition: TopicPartition
    }
    private var points: [Key: [Point]] = [:]
    static let window: Duration = .seconds(30)
    private static let maximumPoints = 64

    /// How one partition moves.
    struct Movement: Equatable, Sendable {
        /// Records a second by which the lag grows; negative when it falls. nil before there are two samples that know it.
        var growth: Double?
        /// Records wait, and the group has committed nothing since the sample before.
        var standsStill = false

        /// How long the rest takes at this pace; zero when nothing waits, nil when that is not known or the lag does not fall.
        func timeToDrain(_ records: Int64?) -> Duration? {
            guard let records else { return nil }
            if records == 0 { return .zero }
            guard let growth, growth < 0 else { return nil }
            let seconds = Double(records) / -growth
            return seconds < 1e9 ? .milliseconds(Int64(seconds * 1_000)) : nil
        }
    }

    mutating func add(_ sample: LagSample) {
        var kept: [Key: [Point]] = [:]
        for row in sample.rows {
            let key = Key(group: row.group, partition: row.partition)
            let old = (points[key] ?? []).filter { $0.time.duration(to: sample.time) <= Self.window }
            kept[key] = old.suffix(Self.maximumPoints - 1) + [Point(time: sample.time, position: row.position, records: row.records)]
        }
        points = kept
    }

    /// How it has moved up to the last sample.
    func movement(_ row: PartitionLag) -> Movement {
        let known = points[Key(group: row.group, partition: row.partition)] ?? []
        var movement = Movement()
        guard let last = known.last, known.count > 1 else { return movement }
        // What was worked off to the end says nothing of what came afterwards.
        let earlier = known.dropLast()
        let first = earlier.first { $0.records == 0 } ?? earlier.first { $0.records != nil }
        if let records = last.records, let first, let before = first.records,
            first.time < last.time
        {
            movement.growth = Double(records - before) / (first.time.duration(to: last.time) / .seconds(1))
        }
        let previous = known[known.count - 2]
        if let now = last.records, now > 0, let before = previous.records, before > 0, last.position == previous.position {
            movement.standsStill = true
        }
        return movement
    }
}
