import Envelopes
import Kafka
import Terminal

/// `mesh dlq list`, `show` and `stats`: changes nothing.
struct DeadLetterLooking {
    private let invocation: Invocation
    private let settings: ClientSettings
    private let output: Output
    private let limit: Int
    private let patience: Duration
    private let now = Timestamp.now

    init(_ invocation: Invocation) throws {
        self.invocation = invocation
        settings = try invocation.settings()
        output = Output(invocation)
        limit = try invocation.quarantineLimit()
        patience = try invocation.patience()
    }

    func list() throws -> Int32 {
        let selection = try DeadLetterSelection(invocation, states: [.open, .quarantined], now: now)
        let most = try invocation.integer("max", in: 1...1_000_000)
        let isStream = output.format == .json && most == nil
        var newest = Newest.deadLetters(most ?? 50)
        var names = SeenNames()
        try DeadLetterBox(settings, limit: limit, patience: patience).read(selection, noting: &names) { entry in
            if isStream { try output.object(DeadLetterRow(entry: entry, now: now)) } else { newest.add(entry.withoutContent) }
            return true
        }
        try names.check(invocation)
        guard !isStream else { return 0 }
        let rows = newest.sorted
        if output.format == .json {
            for entry in rows { try output.object(DeadLetterRow(entry: entry, now: now)) }
        } else if rows.isEmpty {
            output.line("no dead letters")
        } else {
            output.table(DeadLetterText.list(rows, now: now, style: output.style))
            if newest.seen > rows.count {
                let (shown, seen) = (HumanText.count(rows.count), HumanText.count(newest.seen))
                output.line("the newest \(shown) of \(seen); --max shows more, mesh dlq stats counts them")
            }
        }
        return 0
    }

    func stats() throws -> Int32 {
        let selection = try DeadLetterSelection(invocation, states: Set(DeadLetterState.allCases), now: now)
        var stats = DeadLetterStats()
        var names = SeenNames()
        try DeadLetterBox(settings, limit: limit, patience: patience).read(selection, noting: &names) { entry in
            stats.add(entry, now: now)
            return true
        }
        try names.check(invocation)
        if output.format == .json {
            for dimension in DeadLetterStats.Dimension.allCases {
                for row in stats.rows(dimension) { try output.object(StatsRow(by: dimension.rawValue, name: row.name, counts: row.counts)) }
            }
            try output.object(StatsRow(by: "all", name: "all", counts: stats.all))
            return 0
        }
        guard stats.all.total > 0 else {
            output.line("no dead letters")
            return 0
        }
        for dimension in DeadLetterStats.Dimension.allCases {
            let title = Column(dimension.rawValue.uppercased(), mayShrink: true)
            output.table(
                [title] + DeadLetterText.statsColumns,
                stats.rows(dimension).map { [$0.name.printable] + DeadLetterText.counts($0.counts) })
            output.line()
        }
        output.line("all: " + DeadLetterState.allCases.map { "\(HumanText.count(stats.all[$0])) \($0.rawValue)" }.joined(separator: ", "))
        return 0
    }

    func show() throws -> Int32 {
        let selection = try DeadLetterSelection(invocation, places: invocation.arguments, states: Set(DeadLetterState.allCases))
        let box = try DeadLetterBox(settings, limit: limit, places: selection.places, patience: patience)
        var found: [DeadLetterPlace: DeadLetterBox.Entry] = [:]
        try box.read(selection) { entry in
            found[entry.letter.place] = entry
            return found.count < selection.places.count
        }
        var isFirst = true
        for place in selection.places.sorted() {
            guard let entry = found[place] else { continue }
            let page = DeadLetterPage(entry: entry, mark: box.marks[entry.letter], isWhole: invocation.has("full"), now: now)
            if output.format == .json {
                try output.object(page)
            } else {
                if !isFirst { output.line() }
                for line in page.lines(output.style) { output.line(line) }
            }
            isFirst = false
        }
        let missing = selection.places.subtracting(found.keys).sorted()
        guard missing.isEmpty else {
            throw CommandFailure(
                "\(OwnTopic.deadLetters) has no record at \(missing.map(\.description).joined(separator: ", ")). See what there is: mesh dlq list"
            )
        }
        return 0
    }
}

/// A line of `mesh dlq stats --format json`.
private struct StatsRow: Encodable {
    let by: String
    let name: String
    let open: Int
    let quarantined: Int
    let redriven: Int
    let purged: Int

    init(by: String, name: String, counts: DeadLetterStats.Counts) {
        self.by = by
        self.name = name
        open = counts[.open]
        quarantined = counts[.quarantined]
        redriven = counts[.redriven]
        purged = counts[.purged]
    }
}

extension Invocation {
    func quarantineLimit() throws -> Int {
        try integer("quarantine-after", in: 1...1_000_000) ?? DeadLetterState.standardLimit
    }
}
