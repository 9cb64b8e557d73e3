import Terminal

/// What `mesh chaos` tells at its end.
struct HarmSummary {
    let ledger: HarmLedger
    let count: RepeatCount
    let fault: HarmPlan.Fault
    /// Whether all of the bots promise it; else an event may be written twice, with one id.
    let isExactlyOnce: Bool
    let isInterrupted: Bool

    /// What is not as it should be, in words.
    var problems: [String] {
        var problems = ledger.missing.map { "\($0) is not back" }
        if isInterrupted { return problems + ["interrupted: what the mesh did afterwards is not known"] }
        if ledger.level == nil {
            problems.append("lag is not as low as before")
        }
        if isExactlyOnce, count.repeats > 0 { problems.append("\(HumanText.count(count.repeats)) events were written twice") }
        return problems
    }
    var isWell: Bool { problems.isEmpty }

    private var returns: [Duration] { ledger.harms.compactMap(\.timeToReturn).sorted() }

    /// The lines, each a name and what is to be said of it.
    var lines: [(String, String)] {
        let returns = returns
        let median = returns.isEmpty ? nil : returns[(returns.count - 1) / 2]
        let superseded = ledger.harms.count { $0.back == nil && ledger.isSuperseded($0) }
        var back = "none"
        if let median, let longest = returns.last {
            back = "median \(HumanText.duration(median)), longest \(HumanText.duration(longest))"
            if superseded > 0 { back += "; \(superseded) harmed again before" }
        }
        let idle = ledger.harms.count { $0.wasIdle }
        let peak = ledger.lagPeak.map { HumanText.count($0) } ?? "?"
        let drain = ledger.timeToDrain.map { "as before \(HumanText.duration($0)) after the last \(fault.rawValue)" } ?? "not as before yet"
        return [
            (
                "\(fault.rawValue)s",
                "\(ledger.harms.count)" + (idle > 0 ? ", \(idle) of them of instances with nothing to do: little is proved by those" : "")
            ),
            ("restarts", "\(ledger.restarts)"), ("back after", back),
            ("partitions moved", "\(ledger.movedPartitions)"),
            ("lag", "before \(ledger.lagBefore.map { HumanText.count($0) } ?? "?"), peak \(peak), \(drain)"),
            ("dead letters", HumanText.count(count.deadLetters)),
            (
                "repeats",
                "\(HumanText.count(count.repeats)) of \(HumanText.count(count.events)) events written twice\(count.isCut ? " (not all were counted)" : "")"
                    + (isExactlyOnce ? "" : ", which not all of these bots rule out")
                    + "; \(HumanText.count(ledger.repeatedInputs)) records seen again and left out"
            ),
        ]
    }

    func print(to output: Output) throws {
        if output.format == .json { return try output.object(Row(self)) }
        output.line()
        for (name, text) in lines { output.line("\(output.style(.bold, name))\(String(repeating: " ", count: 18 - name.count))\(text)") }
        for problem in problems { output.line(output.style(.red, problem)) }
        if problems.isEmpty { output.line(output.style(.green, "the mesh is as it was")) }
    }

    /// Names are kept stable.
    struct Row: Encodable {
        let event = "summary"
        let faults: Int
        let idleFaults: Int
        let restarts: Int
        let returnSeconds: [Double]
        let notBack: [String]
        let movedPartitions: Int
        let lagBefore: OrNull<Int64>
        let lagPeak: OrNull<Int64>
        let drainSeconds: OrNull<Double>
        let deadLetters: Int
        let events: Int
        let writtenTwice: Int
        let isCut: Bool
        let repeatedInputs: Int
        let problems: [String]

        enum CodingKeys: String, CodingKey {
            case event, faults, restarts, events, problems
            case idleFaults = "idle_faults"
            case returnSeconds = "return_seconds"
            case notBack = "not_back"
            case movedPartitions = "moved_partitions"
            case lagBefore = "lag_before"
            case lagPeak = "lag_peak"
            case drainSeconds = "drain_seconds"
            case deadLetters = "dead_letters"
            case writtenTwice = "written_twice"
            case isCut = "is_cut"
            case repeatedInputs = "repeated_inputs"
        }

        init(_ summary: HarmSummary) {
            func seconds(_ duration: Duration) -> Double { (duration / .milliseconds(1)).rounded() / 1_000 }
            let ledger = summary.ledger
            faults = ledger.harms.count
            idleFaults = ledger.harms.count { $0.wasIdle }
            restarts = ledger.restarts
            returnSeconds = summary.returns.map(seconds)
            notBack = ledger.missing.map(\.description)
            movedPartitions = ledger.movedPartitions
            lagBefore = OrNull(ledger.lagBefore)
            lagPeak = OrNull(ledger.lagPeak)
            drainSeconds = OrNull(ledger.timeToDrain.map(seconds))
            deadLetters = summary.count.deadLetters
            events = summary.count.events
            writtenTwice = summary.count.repeats
            isCut = summary.count.isCut
            repeatedInputs = ledger.repeatedInputs
            problems = summary.problems
        }
    }
}
