import Envelopes
import Kafka
import Terminal

/// What a replay did, for people or for programs.
struct ReplayView {
    let report: ReplayReport
    let order: ReplayOrder

    func write(to output: Output) throws {
        guard output.format == .text else { return try output.object(report) }
        let style = output.style
        func count(_ number: Int) -> String { HumanText.count(number) }
        let verb =
            report.isDryRun
            ? style(.yellow, report.isInterrupted ? "stopped: would replay at least" : "would replay")
            : style(report.isInterrupted ? .red : .green, report.isInterrupted ? "stopped after" : "replayed")
        let number = report.isDryRun ? report.records : report.written
        output.line("\(verb) \(count(number)) \(number == 1 ? "record" : "records")" + target + time)
        for (topic, records) in report.topics.sorted(by: { $0.key < $1.key }) { output.line("  \(topic)  \(count(records))") }
        if let first = report.first, let last = report.last {
            output.line("first  \(first.time)  \(first.place)")
            output.line("last   \(last.time)  \(last.place)")
        }
        if report.writtenBefore > 0 { output.line("\(count(report.writtenBefore)) were written before the interrupt") }
        if report.replaysLeftOut > 0 { output.line("\(count(report.replaysLeftOut)) replays were left out; --replayed takes them too") }
        for refusal in report.refusals { output.line("refused  \(refusal)") }
        if report.refused > report.refusals.count { output.line("… and \(count(report.refused - report.refusals.count)) more are refused") }
        if report.isInterrupted, !report.isDryRun { output.line("to go on: the same words with --resume \(report.replay)") }
        if !report.isDryRun, !order.allowsCalls, report.written > 0 {
            output.line("what bots skip of it: mesh replay --skipped \(report.replay)")
        }
    }

    private var target: String {
        switch order.target {
        case .origin: ""
        case .topic(let name): " into \(name)"
        case .bot(let bot): " to \(bot) alone"
        }
    }

    private var time: String {
        guard let seconds = report.seconds else { return ", as fast as Kafka takes them" }
        return (report.isDryRun ? ", in about " : " in ") + HumanText.duration(.milliseconds(Int64(min(seconds, 1e12) * 1000)))
    }
}

/// What ended as replay-skipped, as the audit tells.
enum SkippedReplays {
    private struct Skipped: Encodable {
        var place: String
        var by: String
        var runID: String?
        var correlationID: String?
        var at: String

        enum CodingKeys: String, CodingKey {
            case place, by, at
            case runID = "run_id"
            case correlationID = "correlation_id"
        }
    }

    /// Exit status 1 when there is something, or when it was stopped before the end.
    static func list(_ id: String, _ settings: ClientSettings, _ output: Output, _ environment: [String: String]) throws -> Int32 {
        guard let replay = ReplayID(id) else {
            throw UsageError("'\(id.printable)' is no replay's id: mesh replay prints it when it begins")
        }
        let stop = StopSign.watch()
        let map = try TopicMap(settings)
        let source = try TopicSource(
            settings, map.partitions(of: [AuditRecord.topic]), from: .time(replay.began.advanced(by: .seconds(-600))), to: .end,
            notAfter: nil)
        defer { source.close() }
        let search = ByteSearch(replay.text)
        var rows: [Skipped] = []
        var count = 0
        while let record = try source.next(stop) {
            guard let value = record.value, search.isIn(value), let audit = try? JSONCoder.decode(AuditRecord.self, from: value),
                audit.action == "replay.skipped", audit.replay == replay.text
            else { continue }
            count += 1
            let row = Skipped(
                place: audit.subject, by: audit.actor, runID: audit.runID, correlationID: audit.correlationID, at: audit.at)
            if output.format == .json { try output.object(row) } else if rows.count < 100_000 { rows.append(row) }
        }
        if output.format == .text {
            if !rows.isEmpty {
                output.table(
                    ["RECORD", "BY", Column("RUN", mayShrink: true), "AT"],
                    rows.map { [$0.place.printable, $0.by.printable, ($0.correlationID ?? "").printable, $0.at.printable] })
            }
            output.line("\(stop.isSet ? "stopped: at least " : "")\(HumanText.count(count)) records of replay \(replay.text) were skipped")
        }
        return count == 0 && !stop.isSet ? 0 : 1
    }
}
