import Envelopes
import Kafka
import Terminal

/// What `mesh lag` prints of one sample.
struct LagView {
    let sample: LagSample
    let trend: LagTrend
    /// Whether partitions that never held a record are shown too.
    var showsUnused = false

    static let columns: [Column] = [
        "BOT", Column("PARTITION", mayShrink: true), Column("COMMITTED", .right), Column("END", .right), Column("LAG", .right),
        Column("BEHIND", .right), Column("TREND", .right), Column("DRAIN", .right), Column("OWNER", mayShrink: true),
    ]

    var shown: [PartitionLag] { showsUnused ? sample.rows : sample.rows.filter(\.isUsed) }

    func cells(_ style: Style) -> [[String]] {
        let owners = PartitionOwners(sample.instances)
        return shown.map { row in
            let movement = trend.movement(row)
            let lag = row.records.map { HumanText.count($0) } ?? "?"
            let colour: Style.Colour? = movement.standsStill ? .red : (row.records ?? 0) > 0 ? .yellow : nil
            return [
                row.group, row.partition.description, Self.text(row.committed), row.marks.map { "\($0.high)" } ?? "?",
                colour.map { style($0, lag) } ?? lag, row.behind(at: sample.wall).map(Self.short) ?? "?", Self.trend(movement),
                Self.drain(movement, row.records, wait: row.wait(at: sample.wall), isRetry: row.isRetry),
                owners[row]?.record.instance ?? "-",
            ]
        }
    }

    /// What the table, and the lines beneath it, say.
    func print(to output: Output) {
        if shown.isEmpty {
            output.line("no partition of these bots has ever held a record; see them all: mesh lag --all")
        } else if (output.width ?? .max) < 110 {
            printNarrow(to: output)
        } else {
            output.table(Self.columns, cells(output.style))
        }
        let hidden = sample.rows.count - shown.count
        if hidden > 0, !shown.isEmpty {
            output.line(output.style(.grey, "\(counted(hidden, "partition")) without a record so far not shown (--all)"))
        }
        let warnings = LagWarnings(sample, trend)
        for problem in warnings.problems { output.line(output.style(.red, "warning: ") + problem.printable) }
        for note in warnings.notes { output.line(output.style(.yellow, "note: ") + note.printable) }
    }

    /// Eighty columns have no room for names in each line: a table a bot, without the owners, whom `mesh ps --partitions` shows.
    private func printNarrow(to output: Output) {
        let cells = cells(output.style)
        var isFirst = true
        for bot in Set(shown.map(\.group)).sorted() {
            output.line((isFirst ? "" : "\n") + output.style(.bold, bot))
            output.table(Array(Self.columns[1..<8]), zip(shown, cells).filter { $0.0.group == bot }.map { Array($0.1[1..<8]) })
            isFirst = false
        }
    }

    private static func text(_ committed: PartitionLag.Committed) -> String {
        switch committed {
        case .offset(let offset): "\(offset)"
        case .nothing: "-"
        case .unknown: "?"
        }
    }

    private static func short(_ duration: Duration) -> String { duration == .zero ? "0 s" : HumanText.duration(duration) }

    static func trend(_ movement: LagTrend.Movement) -> String {
        guard let growth = movement.growth else { return "?" }
        if abs(growth) < 0.05 { return "steady" }
        return (growth > 0 ? "+" : "") + HumanText.rate(growth) + "/s"
    }

    /// `wait` is how long the first record waits for its time, where that is known.
    static func drain(_ movement: LagTrend.Movement, _ records: Int64?, wait: Duration? = nil, isRetry: Bool = false) -> String {
        guard let records else { return "?" }
        if records == 0 { return "-" }
        if let wait { return "due in \(HumanText.duration(.seconds(max(1, wait.components.seconds))))" }
        guard movement.growth != nil else { return "?" }
        // Retries and reminders come one by one, each at its time: no pace tells when the last one does.
        return movement.timeToDrain(records).map(HumanText.duration) ?? (isRetry ? "waits" : "never")
    }

    /// One partition as JSON; what is not known is null. Names are kept stable.
    struct Row: Encodable {
        let at: String
        let group: String
        let topic: String
        let partition: Int32
        let committed: OrNull<Int64>
        let end: OrNull<Int64>
        let lagRecords: OrNull<Int64>
        let lagSeconds: OrNull<Double>
        let trend: OrNull<Double>
        let drainSeconds: OrNull<Double>
        let standsStill: Bool
        let dueAt: OrNull<String>
        let owner: OrNull<String>

        enum CodingKeys: String, CodingKey {
            case at, group, topic, partition, committed, end, owner
            case lagRecords = "lag_records"
            case lagSeconds = "lag_seconds"
            case trend = "trend_records_per_second"
            case drainSeconds = "drain_seconds"
            case standsStill = "stands_still"
            case dueAt = "due_at"
        }
    }

    var rows: [Row] {
        let owners = PartitionOwners(sample.instances)
        return sample.rows.map { row in
            let movement = trend.movement(row)
            let committed: Int64? = if case .offset(let offset) = row.committed { offset } else { nil }
            return Row(
                at: sample.wall.text, group: row.group, topic: row.partition.topic, partition: row.partition.partition,
                committed: OrNull(committed), end: OrNull(row.marks?.high), lagRecords: OrNull(row.records),
                lagSeconds: OrNull(row.behind(at: sample.wall).map(Self.seconds)),
                trend: OrNull(movement.growth.map { ($0 * 100).rounded() / 100 }),
                drainSeconds: OrNull(movement.timeToDrain(row.records).map(Self.seconds)), standsStill: movement.standsStill,
                dueAt: OrNull(row.wait(at: sample.wall) == nil ? nil : row.due?.text), owner: OrNull(owners[row]?.record.instance))
        }
    }

    private static func seconds(_ duration: Duration) -> Double { (duration / .milliseconds(1)).rounded() / 1_000 }
}
