import Envelopes
import Kafka
import Terminal

/// Takes dead letters out of sight: each gets a mark, and where everything up to an offset is purged, the records themselves are deleted.
struct Purge {
    let settings: ClientSettings
    let selection: DeadLetterSelection
    let limit: Int
    let isTransactional: Bool
    let person: String
    let patience: Duration
    let stop: StopSign

    struct Result {
        var purged = 0
        /// Of all purged dead letters: how many are still in the log, because something before them in their partition is not purged.
        var remaining = 0
        /// The new beginnings of partitions whose records were deleted.
        var deleted: [TopicPartition: Int64] = [:]
        /// Why nothing could be deleted.
        var problem: String?
        var wasStopped = false
    }

    /// What a person is asked about.
    struct Plan {
        /// How many are meant, by bot and reason.
        fileprivate(set) var groups: [RedrivePlan.Group: Int] = [:]
        /// Where each partition ended.
        fileprivate let ends: [TopicPartition: Int64]

        var total: Int { groups.values.reduce(0, +) }
    }

    private static let batch = 1_000

    func plan(noting names: inout SeenNames) throws -> Plan {
        let box = try DeadLetterBox(settings, limit: limit, places: selection.places, patience: patience)
        var plan = Plan(ends: box.letters.ranges.mapValues(\.upperBound))
        try box.read(selection, noting: &names) { entry in
            guard !stop.isSet else { return false }
            guard entry.state != .purged else { return true }
            plan.groups[RedrivePlan.Group(bot: entry.letter.bot ?? "", code: entry.letter.code, target: ""), default: 0] += 1
            return true
        }
        return plan
    }

    /// Does it. Nobody was asked about what has come since the plan: it stays.
    func run(_ plan: Plan, environment: [String: String]) throws -> Result {
        try DeadLetterTopics.require(settings)
        let writer = try MarkWriter(settings, isTransactional: isTransactional, audit: PersonAudit(person: person, settings))
        defer { writer.close() }
        var box = try DeadLetterBox(settings, limit: limit, places: selection.places, patience: patience, tellsUnreadable: false)
        box.narrow(before: plan.ends)
        let bar = ProgressBar("purging", total: plan.total, environment: environment)
        defer { bar.end() }
        var result = Result()
        var steps: [MarkWriter.Step] = []
        try box.read(selection) { entry in
            guard !stop.isSet else { return false }
            guard entry.state != .purged else { return true }
            steps.append(MarkWriter.Step(letter: entry.letter.withoutContent, record: nil, mark: mark(entry.letter)))
            if steps.count >= Self.batch { try flush(&steps, writer, &result, bar) }
            return true
        }
        try flush(&steps, writer, &result, bar)
        result.wasStopped = stop.isSet
        try trim(writer, &result)
        return result
    }

    private func mark(_ letter: DeadLetter) -> DeadLetterMark {
        DeadLetterMark(
            state: .purged, partition: letter.place.partition, offset: letter.place.offset, timestamp: letter.timestamp,
            bot: letter.bot ?? "unknown", by: person, at: Timestamp.now.text)
    }

    private func flush(_ steps: inout [MarkWriter.Step], _ writer: MarkWriter, _ result: inout Result, _ bar: ProgressBar) throws {
        guard !steps.isEmpty else { return }
        _ = try writer.write(steps, action: "dlq.purged", subject: { "\($0.count) of \(OwnTopic.deadLetters)" })
        result.purged += steps.count
        steps = []
        bar.advance(to: result.purged)
    }

    /// Deletes what lies before the first record of each partition that is not purged.
    private func trim(_ writer: MarkWriter, _ result: inout Result) throws {
        let box = try DeadLetterBox(settings, limit: limit, patience: patience, tellsUnreadable: false)
        var frontier = Frontier(ranges: box.letters.ranges)
        try box.read { entry in
            frontier.add(TopicPartition(OwnTopic.deadLetters, entry.letter.place.partition), entry.letter.place.offset, entry.state)
            return true
        }
        result.remaining = frontier.remaining
        let offsets = frontier.offsets
        guard !offsets.isEmpty else { return }
        let admin = try AdminClient(settings)
        defer { admin.close(timeout: .seconds(2)) }
        do throws(KafkaError) {
            result.deleted = try admin.deleteRecords(before: offsets)
        } catch {
            // Brokers that cannot delete, or not for us: the marks hold all the same.
            result.problem = "\(error)"
            result.remaining += frontier.deletable
            return
        }
        var lows = box.lows
        for (partition, low) in result.deleted { lows[partition.partition] = low }
        try writer.forget(box.marks.stale(lows: lows))
    }

    /// How far each partition is purged from its beginning without a gap.
    struct Frontier {
        private let ranges: [TopicPartition: Range<Int64>]
        /// The first dead letter of each partition that is not purged.
        private var first: [TopicPartition: Int64] = [:]
        private(set) var deletable = 0
        private(set) var remaining = 0

        init(ranges: [TopicPartition: Range<Int64>]) { self.ranges = ranges }

        /// Takes the next dead letter of a partition, in its order.
        mutating func add(_ partition: TopicPartition, _ offset: Int64, _ state: DeadLetterState) {
            guard state == .purged else {
                if first[partition] == nil { first[partition] = offset }
                return
            }
            if first[partition] == nil { deletable += 1 } else { remaining += 1 }
        }

        /// Where each partition may begin; those that stay as they are are left out.
        var offsets: [TopicPartition: Int64] {
            guard deletable > 0 else { return [:] }
            var result: [TopicPartition: Int64] = [:]
            for (partition, range) in ranges {
                let offset = first[partition] ?? range.upperBound
                if offset > range.lowerBound { result[partition] = offset }
            }
            return result
        }
    }
}
