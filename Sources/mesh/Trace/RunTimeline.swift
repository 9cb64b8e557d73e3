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
        var entries = run.entries
        // Things of one instant: what led to the others stands first.
        entries.sort { ($0.time, $0.kind.rank, $0.place) < ($1.time, $1.kind.rank, $1.place) }
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

    private static func key(_ id: String, _ replay: String?) -> String { id + "\u{1f}" + (replay ?? "") }

    /// `BuildBot` of `BuildBot-2`.
    static func bot(ofInstance name: String) -> String {
        guard let dash = name.lastIndex(of: "-"), Int(name[name.index(after: dash)...]) != nil else { return name }
        return String(name[..<dash])
    }

    var began: Timestamp? { entries.first?.time }

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
        let failed = entries.count { $0.kind == .call && $0.isFailure }
        let parts = [
            plural(count(.event), "event", "events"),
            plural(count(.call), "call", "calls").map { $0 + (failed > 0 ? " (\(failed) failed)" : "") },
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
        case .retry: 2
        case .deadLetter: 3
        }
    }
}
