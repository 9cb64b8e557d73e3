import Envelopes
import Terminal

/// A row of a pane.
struct TopRow: Equatable, Sendable {
    struct Cell: Equatable, Sendable {
        let text: String
        var colour: Style.Colour?
    }
    /// Stays the same while the row moves.
    let id: String
    let cells: [Cell]
    /// Whom the keys act on.
    var bot: String?
    var run: String?
}

/// What stands in the panes.
enum TopRows {
    struct Head {
        let title: String
        let columns: [Column]
    }

    static func head(_ pane: TopState.Pane) -> Head {
        switch pane {
        case .bots:
            Head(
                title: "BOTS",
                columns: [
                    Column("INSTANCE", mayShrink: true), "STATE", Column("PART", .right), Column("REC/S", .right), Column("ERR/S", .right),
                    Column("P50", .right), Column("P99", .right), Column("CALLS", .right), Column("NOTE", mayShrink: true),
                ])
        case .lag:
            Head(
                title: "LAG",
                columns: [
                    Column("BOT", mayShrink: true), Column("PARTITION", mayShrink: true), Column("LAG", .right), Column("BEHIND", .right),
                    Column("TREND", .right), Column("DRAIN", .right),
                ])
        case .runs:
            Head(
                title: "RUNS",
                columns: ["ID", Column("AGE", .right), Column("QUIET", .right), "LAST", Column("ABOUT", mayShrink: true)])
        case .errors:
            Head(title: "ERRORS", columns: [Column("AGO", .right), "BOT", "CODE", Column("MESSAGE", mayShrink: true)])
        case .deadLetters:
            Head(title: "DEAD LETTERS", columns: [Column("AGO", .right), "BOT", "CODE", "PLACE", Column("MESSAGE", mayShrink: true)])
        }
    }

    static func of(_ pane: TopState.Pane, _ figures: TopFigures) -> [TopRow] {
        switch pane {
        case .bots: figures.instances.map(row)
        case .lag: lagRows(figures)
        case .runs: figures.runs.map { row($0, figures.now) }
        case .errors: figures.errors.map { row($0, figures.now, withPlace: false) }
        case .deadLetters: figures.deadLetters.map { row($0, figures.now, withPlace: true) }
        }
    }

    private static func row(_ status: InstanceStatus) -> TopRow {
        let record = status.record
        let isAlive = status.standing.isAlive
        func seconds(_ value: Double?) -> String {
            guard let value, value.isFinite, value >= 0, value < 1e9 else { return "-" }
            return HumanText.duration(.milliseconds(Int64(value * 1_000)))
        }
        return TopRow(
            id: record.instance,
            cells: [
                .init(text: record.instance.printable), .init(text: status.standing.rawValue, colour: status.standing.colour),
                .init(text: isAlive ? "\(record.partitions.count)" : "-"),
                .init(text: isAlive ? HumanText.rate(record.recordsPerSecond) : "-"),
                .init(
                    text: isAlive ? HumanText.rate(record.errorsPerSecond) : "-", colour: isAlive && record.errorsPerSecond > 0 ? .red : nil
                ),
                .init(text: isAlive ? seconds(record.endToEndSecondsP50) : "-"),
                .init(text: isAlive ? seconds(record.endToEndSecondsP99) : "-"),
                .init(text: isAlive ? "\(record.openCalls)" : "-"), .init(text: status.note.printable),
            ], bot: record.bot)
    }

    /// Whatever stands still or waits longest comes first; what is known to be level is left out.
    private static func lagRows(_ figures: TopFigures) -> [TopRow] {
        figures.lags.filter { $0.records != 0 }.sorted { left, right in
            (left.movement.standsStill ? 0 : 1, -(left.records ?? .max), left.group, left.partition)
                < (right.movement.standsStill ? 0 : 1, -(right.records ?? .max), right.group, right.partition)
        }.map { lag in
            TopRow(
                id: "\(lag.group) \(lag.partition)",
                cells: [
                    .init(text: lag.group.printable), .init(text: lag.partition.description.printable),
                    .init(
                        text: lag.records.map { HumanText.count($0) } ?? "?", colour: lag.movement.standsStill ? .red : .yellow),
                    .init(text: lag.behind.map(HumanText.duration) ?? "?"), .init(text: LagView.trend(lag.movement)),
                    .init(text: LagView.drain(lag.movement, lag.records, wait: lag.wait, isRetry: lag.isRetry)),
                ], bot: lag.group)
        }
    }

    private static func row(_ run: WorkflowRun, _ now: Timestamp) -> TopRow {
        TopRow(
            id: run.id,
            cells: [
                .init(text: String(run.id.printable.prefix(8))), .init(text: ago(run.first, now)), .init(text: ago(run.last, now)),
                .init(text: run.lastType.printable, colour: EventLine.colour(run.lastType)), .init(text: run.subject.printable),
            ], run: run.id)
    }

    private static func row(_ failure: TopFigures.Failure, _ now: Timestamp, withPlace: Bool) -> TopRow {
        var cells: [TopRow.Cell] = [
            .init(text: ago(failure.at, now)), .init(text: failure.bot.printable), .init(text: failure.code.printable, colour: .red),
        ]
        if withPlace { cells.append(.init(text: failure.place.printable)) }
        cells.append(.init(text: failure.message.printable))
        return TopRow(id: failure.place, cells: cells, bot: failure.bot, run: failure.run)
    }

    private static func ago(_ time: Timestamp, _ now: Timestamp) -> String {
        HumanText.duration(.seconds(max(0, now.duration(since: time).components.seconds)))
    }
}
