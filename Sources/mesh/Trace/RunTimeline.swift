import Envelopes

/// What happened in one run, in the order of time, each thing with what led to it.
struct RunTimeline {
    let correlationID: String
    let entries: [TraceEntry]
    let logs: [TraceLog]
    let left: Int

    init(_ run: RunCollector) {
        correlationID = run.correlationID
        logs = run.logs
        left = run.left
        var entries = Self.inOrder(run.entries)
        Self.closeRepeated(&entries)
        var numbers: [String: Int] = [:]
        for (number, entry) in entries.enumerated() where entry.kind == .event {
            if let id = entry.id { numbers[Self.key(id, entry.replay)] = numbers[Self.key(id, entry.replay)] ?? number }
        }
        var runs: [String: Int] = [:]
        for entry in entries where entry.kind == .call && entry.runID != nil { runs[Self.bot(ofInstance: entry.by)] = 0 }
        for bot in Array(runs.keys) {
            runs[bot] = nil
            for (number, entry) in entries.enumerated() where entry.kind == .event {
                guard let id = entry.id.flatMap({ EventID($0) }) else { continue }
                runs[RunID.derived(event: id, bot: bot, replay: entry.replay)] = number
            }
        }
        for place in entries.indices {
            let entry = entries[place]
            let cause =
                entry.causationID.flatMap { numbers[Self.key($0, entry.replay)] ?? numbers[Self.key($0, nil)] }
                ?? entry.runID.flatMap { runs[$0] }
            entries[place].cause = cause == place ? nil : cause
        }
        self.entries = entries
    }

    /// In the order of time. Of things of one instant what led to the others stands first: an event before the calls that it led to, and a call that took no time
    /// before what the bot said of it.
    private static func inOrder(_ entries: [TraceEntry]) -> [TraceEntry] {
        let answers = quickAnswers(entries)
        func key(_ entry: TraceEntry) -> (Timestamp, Int, String) {
            if let answer = answers.time(of: entry) { return (answer, entry.kind.rank, entry.place) }
            return (entry.time, answers.isOne(entry) ? TraceEntry.Kind.call.rank + 1 : entry.kind.rank, entry.place)
        }
        return entries.map { (entry: $0, key: key($0)) }.sorted { $0.key < $1.key }.map(\.entry)
    }

    private static func quickAnswers(_ entries: [TraceEntry]) -> QuickAnswers {
        var answers = QuickAnswers()
        for entry in entries { answers.add(call: entry) }
        for entry in entries { answers.add(event: entry) }
        return answers
    }

    /// A call that was begun again is not waited for any more: its process was gone.
    private static func closeRepeated(_ entries: inout [TraceEntry]) {
        var later: Set<String> = []
        for place in entries.indices.reversed() {
            guard let key = entries[place].callKey else { continue }
            if entries[place].isOpen, later.contains(key) {
                entries[place].isOpen = false
                entries[place].detail = "did not come back, begun again"
            }
            later.insert(key)
        }
    }

    private static func key(_ id: String, _ replay: String?) -> String { id + "\u{1f}" + (replay ?? "") }

    /// `BuildBot` of `BuildBot-2`.
    static func bot(ofInstance name: String) -> String {
        guard let dash = name.lastIndex(of: "-"), Int(name[name.index(after: dash)...]) != nil else { return name }
        return String(name[..<dash])
    }

    var began: Timestamp? { entries.first?.time }

    /// Whether a call has not come back, so that the run goes on.
    var isOpen: Bool { entries.contains(where: \.isOpen) }

    /// When the last thing happened; a call's end counts.
    var ended: Timestamp? {
        entries.map { $0.time.advanced(by: .milliseconds(Int64(max(0, min($0.duration ?? 0, 1e9)) * 1000))) }.max()
    }

    var artifacts: [(artifact: TraceArtifact, from: String)] {
        var seen: Set<TraceArtifact> = []
        return entries.compactMap { entry in
            entry.artifact.flatMap { seen.insert($0).inserted ? ($0, entry.name) : nil }
        }
    }

    /// `7 events, 3 calls (1 failed), 1 dead letter`.
    var summary: String {
        func count(_ kind: TraceEntry.Kind) -> Int { entries.count { $0.kind == kind } }
        func plural(_ count: Int, _ one: String, _ many: String) -> String? { count == 0 ? nil : "\(count) \(count == 1 ? one : many)" }
        let endings = [("failed", entries.count { $0.kind == .call && $0.isFailure }), ("not back yet", entries.count(where: \.isOpen))]
            .filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
        let parts = [
            plural(count(.event), "event", "events"),
            plural(count(.call), "call", "calls").map { $0 + (endings.isEmpty ? "" : " (\(endings))") },
            plural(count(.retry), "retry or reminder", "retries or reminders"), plural(count(.deadLetter), "dead letter", "dead letters"),
            plural(logs.reduce(0) { $0 + $1.lines }, "log line", "log lines"), left > 0 ? "\(left) more that are not shown" : nil,
        ]
        return parts.compactMap { $0 }.joined(separator: ", ")
    }
}

extension TraceEntry.Kind {
    fileprivate var rank: Int {
        switch self {
        case .event: 0
        case .call, .person: 1
        case .retry: 3
        case .deadLetter: 4
        }
    }
}

/// What bots said of calls that took no time: it may bear the same time as the call, or one a little before what the audit has of it.
private struct QuickAnswers {
    /// Runs with such calls, and the times of what their bots said.
    private var said: [String: [Timestamp]] = [:]
    /// What is answered from the audit is written there after the answer was decided about.
    private static let slack = Duration.milliseconds(3)

    mutating func add(call: TraceEntry) {
        guard call.kind == .call, let run = call.runID, call.isRecalled || call.duration.map({ $0 <= 0.001 }) ?? false else { return }
        said[run] = []
    }

    mutating func add(event: TraceEntry) {
        if let run = run(of: event), said[run] != nil { said[run]?.append(event.time) }
    }

    /// Where the call belongs: the time of its answer; nil where it has none beside it.
    func time(of call: TraceEntry) -> Timestamp? {
        guard call.kind == .call, let run = call.runID, let times = said[run] else { return nil }
        let earliest = call.isRecalled ? call.time.advanced(by: .zero - Self.slack) : call.time
        return times.filter { $0 >= earliest && $0 <= call.time }.max()
    }

    /// Whether the event is such an answer.
    func isOne(_ event: TraceEntry) -> Bool { run(of: event).map { said[$0] != nil } ?? false }

    private func run(of event: TraceEntry) -> String? {
        guard !said.isEmpty, event.kind == .event, let cause = event.causationID.flatMap({ EventID($0) }) else { return nil }
        return RunID.derived(event: cause, bot: event.by, replay: event.replay)
    }
}
