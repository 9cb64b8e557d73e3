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
        if report.laterLeftOut > 0 {
            output.line(
                "\(counted(report.laterLeftOut, "record")) of a later time than the replay's beginning \(report.laterLeftOut == 1 ? "was" : "were") left out"
            )
        }
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
