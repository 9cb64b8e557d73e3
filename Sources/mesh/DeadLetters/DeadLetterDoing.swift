import Envelopes
import Glibc
import Kafka
import Terminal

/// `mesh dlq redrive` and `purge`.
struct DeadLetterDoing {
    private let invocation: Invocation
    private let settings: ClientSettings
    private let output: Output
    private let limit: Int
    private let selection: DeadLetterSelection
    private let patience: Duration
    private let stop: StopSign

    init(_ invocation: Invocation) throws {
        // Before anything that starts a thread.
        stop = StopSign.watch()
        self.invocation = invocation
        limit = try invocation.quarantineLimit()
        patience = try invocation.patience()
        let places = invocation.arguments
        let isChosen = !(try DeadLetterSelection(invocation, places: places, states: []).isEverything)
        guard isChosen || invocation.has("all") else {
            throw UsageError(
                "mesh \(invocation.command.name) needs to know which: name them (PARTITION@OFFSET), choose with --bot, --reason, --topic …, or say --all"
            )
        }
        selection = try DeadLetterSelection(invocation, places: places, states: Self.standardStates(invocation))
        settings = try invocation.settings()
        output = Output(invocation)
    }

    /// A redrive looks at all of them, to say why some stay; a purge leaves those that were put back.
    private static func standardStates(_ invocation: Invocation) -> Set<DeadLetterState> {
        invocation.command.path.last == "purge" ? [.open, .quarantined] : Set(DeadLetterState.allCases)
    }

    private var isTransactional: Bool { invocation["delivery"] != "at-least-once" }

    private static func letters(_ count: Int) -> String { counted(count, "dead letter") }

    // MARK: redrive

    func redrive() throws -> Int32 {
        let redrive = Redrive(
            settings: settings, selection: selection, isForced: invocation.has("force"), limit: limit,
            maximum: try invocation.integer("max", in: 1...Int(Int32.max)), rate: try invocation.integer("rate", in: 1...1_000_000),
            isTransactional: isTransactional, person: Person.name(settings), patience: patience, stop: stop)
        let isDry = invocation.has("dry-run")
        if isDry {
            let plan = try redrive.plan()
            // Counted up to here only: whoever asks must not take it for all of them.
            let wasStopped = stop.isSet
            if !wasStopped { try plan.names.check(invocation) }
            try tellDry(plan, rate: redrive.rate, wasStopped: wasStopped)
            return wasStopped ? 1 : 0
        }
        var plan: RedrivePlan?
        let result = try redrive.run(environment: invocation.environment) {
            if !stop.isSet { try $0.names.check(invocation) }
            plan = $0
        }
        guard let plan else { return 1 }
        return try tell(result, plan)
    }

    private func tellDry(_ plan: RedrivePlan, rate: Int?, wasStopped: Bool) throws {
        if output.format == .json {
            return try output.object(RedriveSummary(plan, redriven: 0, failed: 0, isDry: true, wasStopped: wasStopped))
        }
        defer { if wasStopped { output.line(Self.partial) } }
        guard plan.going > 0 else {
            output.line("nothing would be put back")
            for line in Self.staying(plan, limit: limit) { output.line(line) }
            return
        }
        let groups = plan.groups.sorted { ($1.value, $0.key.bot, $0.key.code) < ($0.value, $1.key.bot, $1.key.code) }
        output.table(
            ["BOT", "REASON", Column("COUNT", .right), "TO"],
            groups.map { [$0.key.bot.printable, $0.key.code.printable, HumanText.count($0.value), $0.key.target] })
        if let first = plan.first, let last = plan.last {
            output.line("first \(Self.name(first)), last \(Self.name(last))")
        }
        let time = rate.map { ", about \(HumanText.duration(.seconds(1) * Double(plan.going) / Double($0))) at \(HumanText.count($0))/s" }
        output.line("\(Self.letters(plan.going)) would be put back\(time ?? "")")
        for line in Self.staying(plan, limit: limit) { output.line(line) }
    }

    private static let partial = "stopped: not all dead letters were looked at"

    private static func name(_ letter: DeadLetter) -> String {
        "\(letter.place)" + (letter.time.map { " (\($0.text))" } ?? "")
    }

    private func tell(_ result: Redrive.Result, _ plan: RedrivePlan) throws -> Int32 {
        let hasProblem = result.wasStopped || !result.refused.isEmpty || plan.refused > 0
        if output.format == .json {
            try output.object(
                RedriveSummary(
                    plan, redriven: result.redriven, failed: result.refused.count, isDry: false, wasStopped: result.wasStopped))
            return hasProblem ? 1 : 0
        }
        for refused in result.refused.prefix(10) { output.line("\(refused.step.letter.place) stays: \(refused.error)") }
        if result.refused.count > 10 { output.line("… and \(result.refused.count - 10) more stay for the like") }
        if result.redriven == 0, !result.wasStopped {
            output.line("nothing was put back")
        } else {
            let bots = Set(plan.groups.keys.map(\.bot)).sorted().map(\.printable).joined(separator: ", ")
            output.line("\(Self.letters(result.redriven)) put back, to \(bots)")
        }
        for line in Self.staying(plan, limit: limit) { output.line(line) }
        if result.wasStopped {
            output.line("stopped: \(HumanText.count(plan.going - result.redriven)) are left; the same command goes on with them")
        }
        return hasProblem ? 1 : 0
    }

    private static func staying(_ plan: RedrivePlan, limit: Int) -> [String] {
        plan.staying.map { reason, count in
            let number = HumanText.count(count)
            return switch reason {
            case .redriven: "left: \(number) put back before"
            case .purged: "left: \(number) purged"
            case .quarantined: "left: \(number) quarantined: put back \(limit) times or more, and here again. See --force"
            case .refused(let refusal): "left: \(number) that cannot be put back: \(refusal.rawValue)"
            case .beyondMaximum: "left: \(number) beyond --max"
            }
        }.sorted()
    }

    // MARK: purge

    func purge() throws -> Int32 {
        let purge = Purge(
            settings: settings, selection: selection, limit: limit, isTransactional: isTransactional, person: Person.name(settings),
            patience: patience, stop: stop)
        var names = SeenNames()
        let plan = try purge.plan(noting: &names)
        if !stop.isSet { try names.check(invocation) }
        let total = plan.total
        let isDry = invocation.has("dry-run")
        if !isDry, stop.isSet { return try tellStopped() }
        if isDry || !invocation.has("yes"), total > 0, output.format == .text {
            output.table(
                ["BOT", "REASON", Column("COUNT", .right)],
                plan.groups.sorted { ($1.value, $0.key.bot, $0.key.code) < ($0.value, $1.key.bot, $1.key.code) }.map {
                    [$0.key.bot.printable, $0.key.code.printable, HumanText.count($0.value)]
                })
        }
        if isDry { return try tellDry(total, wasStopped: stop.isSet) }
        if total > 0, !invocation.has("yes"), !(try isConfirmed("purge \(Self.letters(total))?")) {
            output.line("nothing was purged")
            return 1
        }
        // Ctrl-C at the question counts more than the answer.
        if stop.isSet { return try tellStopped() }
        let result = try purge.run(plan, environment: invocation.environment)
        if output.format == .json { try output.object(PurgeSummary(result)) } else { tell(result) }
        return result.wasStopped || result.problem != nil ? 1 : 0
    }

    private func tellDry(_ total: Int, wasStopped: Bool) throws -> Int32 {
        if output.format == .json {
            try output.object(PurgeSummary(Purge.Result(purged: total, wasStopped: wasStopped), isDry: true))
        } else {
            output.line("\(Self.letters(total)) would be purged")
            if wasStopped { output.line(Self.partial) }
        }
        return wasStopped ? 1 : 0
    }

    private func tellStopped() throws -> Int32 {
        if output.format == .json {
            try output.object(PurgeSummary(Purge.Result(wasStopped: true)))
        } else {
            output.line("stopped: nothing was purged")
        }
        return 1
    }

    private func isConfirmed(_ question: String) throws -> Bool {
        guard isatty(STDIN_FILENO) == 1 else { throw UsageError("\(question) There is no terminal to ask on: say --yes") }
        Terminal.write("\(question) [y/N] ", to: STDERR_FILENO)
        return ["y", "yes"].contains((readLine() ?? "").lowercased())
    }

    private func tell(_ result: Purge.Result) {
        output.line(
            result.purged == 0 ? "nothing was purged" : "\(Self.letters(result.purged)) purged: marked, and not listed any more")
        for (partition, low) in result.deleted.sorted(by: { $0.key < $1.key }) {
            output.line("\(partition): records before offset \(low) were deleted")
        }
        if let problem = result.problem { output.line("no record could be deleted: \(problem). The marks hold all the same") }
        if result.remaining > 0 {
            output.line(
                "\(HumanText.count(result.remaining)) purged stay in the log of \(OwnTopic.deadLetters), behind one that is not purged: until that is, or the retention ends"
            )
        }
        if result.wasStopped { output.line("stopped: the same command goes on with the rest") }
    }
}

/// What `mesh dlq redrive --format json` says.
private struct RedriveSummary: Encodable {
    let redriven: Int
    let planned: Int
    let failed: Int
    let already: Int
    let purged: Int
    let quarantined: Int
    let unredrivable: Int
    let beyondMax: Int
    let dryRun: Bool
    let stopped: Bool

    enum CodingKeys: String, CodingKey {
        case redriven, planned, failed, purged, quarantined, unredrivable, stopped
        case already = "already_redriven"
        case beyondMax = "beyond_max"
        case dryRun = "dry_run"
    }

    init(_ plan: RedrivePlan, redriven: Int, failed: Int, isDry: Bool, wasStopped: Bool) {
        self.redriven = redriven
        planned = plan.going
        self.failed = failed
        already = plan.staying[.redriven] ?? 0
        purged = plan.staying[.purged] ?? 0
        quarantined = plan.staying[.quarantined] ?? 0
        unredrivable = plan.refused
        beyondMax = plan.staying[.beyondMaximum] ?? 0
        dryRun = isDry
        stopped = wasStopped
    }
}

/// What `mesh dlq purge --format json` says.
private struct PurgeSummary: Encodable {
    let purged: Int
    let remaining: Int
    let deletedBefore: [String: Int64]
    let problem: String?
    let dryRun: Bool
    let stopped: Bool

    enum CodingKeys: String, CodingKey {
        case purged, problem, stopped
        case remaining = "still_in_log"
        case deletedBefore = "deleted_before"
        case dryRun = "dry_run"
    }

    init(_ result: Purge.Result, isDry: Bool = false) {
        purged = result.purged
        remaining = result.remaining
        deletedBefore = Dictionary(uniqueKeysWithValues: result.deleted.map { ($0.key.description, $0.value) })
        problem = result.problem
        dryRun = isDry
        stopped = result.wasStopped
    }
}
