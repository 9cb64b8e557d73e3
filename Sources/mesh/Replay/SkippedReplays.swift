import Envelopes
import Kafka
import Terminal

/// What ended as replay-skipped, as the audit tells: counted by origin and reason, or each record.
struct SkippedReplays {
    let replay: ReplayID
    let showsEach: Bool

    init(_ id: String, each: Bool) throws(UsageError) {
        guard let replay = ReplayID(id) else {
            throw UsageError("'\(id.printable)' is no replay's id: mesh replay prints it when it begins")
        }
        self.replay = replay
        showsEach = each
    }

    /// Exit status 1 when there is something, or when it was stopped before the end.
    func list(_ settings: ClientSettings, _ output: Output) throws -> Int32 {
        let stop = StopSign.watch()
        let map = try TopicMap(settings)
        let source = try TopicSource(
            settings, map.partitions(of: [AuditRecord.topic]), from: .time(replay.began.advanced(by: .seconds(-600))), to: .end)
        defer { source.close() }
        let search = ByteSearch(replay.text)
        var groups = SkippedGroups()
        var rows: [SkippedRecord] = []
        while let record = try source.next(stop) {
            guard let value = record.value, search.isIn(value), let audit = try? JSONCoder.decode(AuditRecord.self, from: value),
                audit.action == "replay.skipped", audit.replay == replay.text
            else { continue }
            let row = SkippedRecord(audit)
            groups.add(row)
            guard showsEach else { continue }
            if output.format == .json { try output.object(row) } else if rows.count < 100_000 { rows.append(row) }
        }
        let count = groups.count
        if output.format == .json {
            if !showsEach { for group in groups.sorted { try output.object(group) } }
        } else {
            write(groups, rows, to: output, wasStopped: stop.isSet)
        }
        return count == 0 && !stop.isSet ? 0 : 1
    }

    private func write(_ groups: SkippedGroups, _ rows: [SkippedRecord], to output: Output, wasStopped: Bool) {
        if showsEach, !rows.isEmpty {
            output.table(
                ["RECORD", "BY", Column("RUN", mayShrink: true), "AT"],
                rows.map { [$0.place.printable, $0.by.printable, ($0.correlationID ?? "").printable, $0.at.printable] })
        } else {
            for (reason, groups) in groups.byReason {
                for line in reason.printable.wrapped(to: output.width ?? 100) { output.line(line) }
                output.table(
                    [Column("ORIGIN", mayShrink: true), "BOT", Column("COUNT", .right), Column("FIRST", .right), Column("LAST", .right)],
                    groups.map {
                        [$0.origin.printable, $0.bot.printable, HumanText.count($0.count), "@\($0.firstOffset)", "@\($0.lastOffset)"]
                    })
                output.line()
            }
        }
        let count = groups.count
        let beginning = wasStopped ? "stopped: at least " : ""
        output.line("\(beginning)\(counted(count, "record")) of replay \(replay.text) \(count == 1 ? "was" : "were") skipped")
        if count > 0, !showsEach { output.line("each of them: mesh replay --skipped \(replay.text) --each") }
    }
}

/// A record that ended as replay-skipped.
struct SkippedRecord: Encodable, Equatable {
    /// Where it lay first: `code.committed[3]@10482`.
    var place: String
    /// The instance.
    var by: String
    var reason: String
    var runID: String?
    var correlationID: String?
    /// RFC 3339.
    var at: String

    enum CodingKeys: String, CodingKey {
        case place, by, reason, at
        case runID = "run_id"
        case correlationID = "correlation_id"
    }

    init(_ audit: AuditRecord) {
        place = audit.subject
        by = audit.actor
        reason = audit.result?["message"]?.string ?? audit.code ?? "no reason is given"
        runID = audit.runID
        correlationID = audit.correlationID
        at = audit.at
    }
}

/// Skipped records by where they lay first, who skipped them, and why. Bounded.
struct SkippedGroups {
    struct Group: Encodable, Equatable {
        var topic: String
        /// -1 where the record does not say.
        var partition: Int32
        var bot: String
        var reason: String
        var count = 1
        var firstOffset: Int64
        var lastOffset: Int64
        var firstAt: String
        var lastAt: String

        var origin: String { partition < 0 ? topic : "\(topic)[\(partition)]" }

        enum CodingKeys: String, CodingKey {
            case topic, partition, bot, reason, count
            case firstOffset = "first_offset"
            case lastOffset = "last_offset"
            case firstAt = "first_at"
            case lastAt = "last_at"
        }
    }

    private struct Key: Hashable {
        var origin: TopicPartition
        var bot: String
        var reason: String
    }

    private var groups: [Key: Group] = [:]
    private(set) var count = 0
    private static let most = 10_000

    mutating func add(_ record: SkippedRecord) {
        count += 1
        let (partition, offset) = TopicPartition.place(record.place) ?? (TopicPartition(record.place, -1), -1)
        var key = Key(origin: partition, bot: RunTimeline.bot(ofInstance: record.by), reason: record.reason)
        if groups[key] == nil, groups.count >= Self.most {
            key = Key(origin: TopicPartition("others", -1), bot: "", reason: "too many to tell them apart")
        }
        guard var group = groups[key] else {
            groups[key] = Group(
                topic: key.origin.topic, partition: key.origin.partition, bot: key.bot, reason: key.reason, firstOffset: offset,
                lastOffset: offset, firstAt: record.at, lastAt: record.at)
            return
        }
        group.count += 1
        group.firstOffset = min(group.firstOffset, offset)
        group.lastOffset = max(group.lastOffset, offset)
        group.firstAt = min(group.firstAt, record.at)
        group.lastAt = max(group.lastAt, record.at)
        groups[key] = group
    }

    /// By origin, then by bot and reason.
    var sorted: [Group] {
        groups.values.sorted { ($0.topic, $0.partition, $0.bot, $0.reason) < ($1.topic, $1.partition, $1.bot, $1.reason) }
    }

    /// The reason that most records have comes first.
    var byReason: [(reason: String, groups: [Group])] {
        Dictionary(grouping: sorted, by: \.reason).map { (reason: $0.key, groups: $0.value) }.sorted { left, right in
            let (more, less) = (left.groups.reduce(0) { $0 + $1.count }, right.groups.reduce(0) { $0 + $1.count })
            return more == less ? left.reason < right.reason : more > less
        }
    }
}
