import BotKit
import Envelopes
import Kafka
import Terminal

/// `mesh audit` and `mesh audit verify`.
struct AuditReading {
    private let invocation: Invocation
    private let settings: ClientSettings
    private let output: Output

    init(_ invocation: Invocation) throws {
        self.invocation = invocation
        settings = try invocation.settings()
        output = Output(invocation)
    }

    private func scan() throws -> LogScan {
        let scan = try LogScan(settings, topics: [AuditRecord.topic], patience: try invocation.patience())
        guard !scan.ranges.isEmpty else {
            throw CommandFailure("there is no topic \(AuditRecord.topic). Create the mesh's topics: mesh topics apply")
        }
        return scan
    }

    // MARK: who did what

    func list() throws -> Int32 {
        let selection = try AuditSelection(invocation)
        let most = try invocation.integer("max", in: 1...1_000_000)
        let isStream = output.format == .json && most == nil
        var newest = Newest<AuditRow>(most ?? 50) { ($0.record.at, $0.partition, $0.offset) < ($1.record.at, $1.partition, $1.offset) }
        let scan = try scan()
        var names = AuditNames(topics: scan.topics)
        try scan.read { record in
            guard let value = record.value, let audit = try? JSONCoder.decode(AuditRecord.self, from: value) else { return true }
            names.add(audit)
            guard selection.matches(audit) else { return true }
            let row = AuditRow(partition: record.partition, offset: record.offset, record: audit)
            if isStream { try output.object(row) } else { newest.add(row) }
            return true
        }
        if let problem = names.problem(actor: selection.actor, action: selection.action) { throw problem }
        guard !isStream else { return 0 }
        if output.format == .json {
            for row in newest.sorted { try output.object(row) }
            return 0
        }
        guard newest.seen > 0 else {
            output.line("nothing")
            return 0
        }
        let rows = newest.sorted
        output.table(
            DetailedTable(columns: AuditRow.columns, rows: rows.map(\.cells), kept: [0, 1, 2], details: rows.map(\.detail)))
        let (shown, seen) = (rows.count, newest.seen)
        if seen > shown { output.line("the newest \(HumanText.count(shown)) of \(HumanText.count(seen)); --max shows more") }
        return 0
    }

    // MARK: the chains

    func verify() throws -> Int32 {
        let scan = try scan()
        let shortened = Set(scan.ranges.filter { $0.value.lowerBound > 0 }.keys.map(\.partition))
        var verifier = AuditVerifier(shortened: shortened)
        let bar = ProgressBar("verifying", total: Int(clamping: scan.offsets), environment: invocation.environment)
        defer { bar.end() }
        try scan.read { record in
            verifier.add(
                AuditVerifier.Entry(partition: record.partition, offset: record.offset, key: record.key, value: record.value))
            bar.advance(to: verifier.records)
            return true
        }
        bar.end()
        for finding in verifier.findings { try tell(finding) }
        if output.format == .json { try output.object(AuditSummary(verifier)) } else { summarize(verifier) }
        return verifier.problems == 0 ? 0 : 1
    }

    private func tell(_ finding: AuditVerifier.Finding) throws {
        if output.format == .json { return try output.object(FindingRow(finding)) }
        let place = "\(AuditRecord.topic)[\(finding.partition)]@\(finding.offset)"
        let who = finding.actor.map { " (\($0.printable))" } ?? ""
        output.line("\(place)\(who): \(output.style(.red, finding.problem.rawValue)): \(finding.message.printable)")
    }

    private func summarize(_ verifier: AuditVerifier) {
        let found = verifier.problems - verifier.findings.count
        if found > 0 { output.line("… and \(HumanText.count(found)) more") }
        let size =
            "\(counted(verifier.records, "record")) in \(counted(verifier.chainCount, "chain")) of \(counted(verifier.actorCount, "actor"))"
        let verdict =
            verifier.problems == 0
            ? output.style(.green, "unbroken") : output.style(.red, "\(counted(verifier.problems, "finding"))")
        output.line("\(size): \(verdict)")
        if verifier.withoutLink > 0 {
            output.line(
                "\(counted(verifier.withoutLink, "chain")) without a word of how the one before ended, so nothing proves that none is missing there"
            )
        }
        if verifier.beyondBeginning > 0 {
            output.line("\(counted(verifier.beyondBeginning, "chain")) from before the oldest record that the topic still has")
        }
        if verifier.begunTogether > 0 {
            output.line("\(counted(verifier.begunTogether, "chain")) began while the first one of the same person did")
        }
        if verifier.lost > 0 { output.line("\(counted(verifier.lost, "record")) could not be written, as those after say") }
    }
}

/// Which audit records are meant.
struct AuditSelection {
    var actor: String?
    var action: String?
    var correlation: String?
    var from: Timestamp?
    var to: Timestamp?

    init() {}

    init(_ invocation: Invocation) throws {
        actor = invocation["actor"]
        action = invocation["action"]
        correlation = invocation["correlation"]
        from = try Self.time("from", invocation)
        to = try Self.time("to", invocation)
    }

    /// Offsets mean another place in each partition, so only times are taken.
    private static func time(_ flag: String, _ invocation: Invocation) throws -> Timestamp? {
        switch try invocation.moment(flag) {
        case nil: nil
        case .time(let time): time
        case .beginning where flag == "from": nil
        case .end where flag == "to": nil
        case .beginning, .end, .offset:
            throw UsageError("--\(flag) takes a time: -10m (so long ago), or one such as 2026-01-31T12:00:00Z")
        }
    }

    func matches(_ record: AuditRecord) -> Bool {
        if let actor, !Self.isActor(record.actor, actor) { return false }
        if let action, record.action != action, !(action.contains("*") && Glob(action).matches(record.action)) { return false }
        if let correlation, !(record.correlationID.map { RecordFilter.isRun($0, correlation) } ?? false) { return false }
        guard from != nil || to != nil else { return true }
        guard let at = Timestamp.parse(record.at) else { return false }
        if let from, at < from { return false }
        if let to, at >= to { return false }
        return true
    }

    /// `BuildBot` means all its instances, `alice` also `alice (unverified)`.
    static func isActor(_ actor: String, _ wanted: String) -> Bool {
        if actor == wanted || actor == "\(wanted) (unverified)" { return true }
        guard actor.hasPrefix(wanted + "-") else { return false }
        return Int(actor.dropFirst(wanted.count + 1)) != nil
    }
}

/// An audit record that is shown.
struct AuditRow: Encodable {
    let partition: Int32
    let offset: Int64
    let record: AuditRecord

    private enum Keys: String, CodingKey { case partition, offset }

    func encode(to encoder: any Encoder) throws {
        try record.encode(to: encoder)
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(partition, forKey: .partition)
        try container.encode(offset, forKey: .offset)
    }

    static let columns: [Column] = [
        "AT", "ACTOR", "ACTION", "SUBJECT", "OUTCOME", Column("TOOK", .right), "CORRELATION",
    ]

    var cells: [String] {
        [record.at, record.actor, record.action, record.subject, outcome, took, record.correlationID ?? ""].map(\.printable)
    }

    /// What a narrow terminal shows below actor and action: `success, 396 ms: build.run, run a1a313a4`.
    var detail: String {
        let ending = [outcome, took].filter { !$0.isEmpty }.joined(separator: ", ")
        let what = [record.subject, record.correlationID.map { "run \($0)" }].compactMap { $0 }.joined(separator: ", ")
        return (ending.isEmpty ? what : "\(ending): \(what)").printable
    }

    private var outcome: String {
        [record.outcome, record.code].compactMap { $0 }.joined(separator: ": ") + (record.isRepeat == true ? " (repeat)" : "")
    }

    private var took: String {
        record.durationSeconds.map { HumanText.duration(.milliseconds(Int64(min(max(0, $0), 1e9) * 1_000))) } ?? ""
    }
}

private struct FindingRow: Encodable {
    let partition: Int32
    let offset: Int64
    let actor: String?
    let chain: String?
    let sequence: Int?
    let problem: AuditVerifier.Problem
    let message: String

    init(_ finding: AuditVerifier.Finding) {
        partition = finding.partition
        offset = finding.offset
        actor = finding.actor
        chain = finding.chain
        sequence = finding.sequence
        problem = finding.problem
        message = finding.message
    }
}

private struct AuditSummary: Encodable {
    let records: Int
    let chains: Int
    let actors: Int
    let problems: Int
    let withoutLink: Int
    let beyondBeginning: Int
    let begunTogether: Int
    let lost: Int

    enum CodingKeys: String, CodingKey {
        case records, chains, actors, problems, lost
        case withoutLink = "chains_without_link"
        case beyondBeginning = "chains_beyond_beginning"
        case begunTogether = "chains_begun_together"
    }

    init(_ verifier: AuditVerifier) {
        records = verifier.records
        chains = verifier.chainCount
        actors = verifier.actorCount
        problems = verifier.problems
        withoutLink = verifier.withoutLink
        beyondBeginning = verifier.beyondBeginning
        begunTogether = verifier.begunTogether
        lost = verifier.lost
    }
}
