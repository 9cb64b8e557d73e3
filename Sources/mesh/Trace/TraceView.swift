import Envelopes
import Terminal

/// A run's timeline for people, for programs, and as a picture.
struct TraceView {
    let timeline: RunTimeline

    private func seconds(_ entry: TraceEntry, since earlier: Timestamp?) -> Double {
        guard let earlier else { return 0 }
        return entry.time.duration(since: earlier) / .seconds(1)
    }

    // MARK: For people

    func write(to output: Output) {
        let style = output.style
        let began = timeline.began
        let took = began.flatMap { began in timeline.ended.map { HumanText.duration($0.duration(since: began)) } } ?? "?"
        output.line(
            style(.bold, "run \(timeline.correlationID.printable)")
                + "  began \(began?.text ?? "?"), \(timeline.isOpen ? "goes on, so far" : "took") \(took)  \(timeline.summary)")
        let rows = timeline.entries.enumerated().map { row($0.offset, $0.element, style) }
        output.table(
            DetailedTable(
                columns: [Column("#", .right), Column("TIME", .right), "WHAT", "BY", "CAUSE", "ABOUT"], rows: rows, kept: [0, 1, 2, 3, 4],
                details: rows.map { $0[5] }))
        for log in timeline.logs {
            output.line()
            let run = log.runID.prefix(8)
            output.line(
                style(.bold, "log")
                    + "  \(log.by.printable) \(log.step.printable)  run \(String(run).printable), \(counted(log.lines, "line"))"
            )
            if log.lines > log.excerpt.count { output.line("  …") }
            for line in log.excerpt { output.line("  " + line.printable) }
        }
        let artifacts = timeline.artifacts
        if !artifacts.isEmpty { output.line() }
        for (artifact, from) in artifacts {
            output.line(
                style(.bold, "artifact")
                    + "  \(artifact.url.printable)  \(HumanText.bytes(artifact.bytes)), sha256 \(artifact.sha256.prefix(12)), \(from)"
            )
        }
    }

    private func row(_ number: Int, _ entry: TraceEntry, _ style: Style) -> [String] {
        let after = entry.cause.map { cause in
            "\(cause + 1) +" + HumanText.duration(entry.time.duration(since: timeline.entries[cause].time))
        }
        var about = entry.detail.printable
        if let took = entry.took { about = HumanText.duration(took) + ", " + about }
        if let replay = entry.replay { about += "  replay \(replay.prefix(13).description.printable)" }
        return [
            String(number + 1), "+" + HumanText.fixed(seconds(entry, since: timeline.began), decimals: 2) + " s",
            style(colour(entry), what(entry)),
            entry.by.printable, after ?? "", about,
        ]
    }

    private func what(_ entry: TraceEntry) -> String {
        switch entry.kind {
        case .event: entry.place.printable
        case .call: "  call \(entry.name.printable)"
        case .person: "  person \(entry.name.printable)"
        case .retry: "  later \(entry.name.printable)"
        case .deadLetter: "  dead letter \(entry.name.printable)"
        }
    }

    private func colour(_ entry: TraceEntry) -> Style.Colour {
        if entry.isFailure { return .red }
        switch entry.kind {
        case .event: return EventLine.colour(entry.name)
        case .call, .person: return .grey
        case .retry: return .yellow
        case .deadLetter: return .red
        }
    }

    // MARK: For programs

    /// One object a thing, then one a step's log, then one about the whole.
    func objects() -> [TraceObject] {
        let began = timeline.began
        var objects = timeline.entries.enumerated().map { number, entry in
            var object = TraceObject(kind: entry.kind.rawValue)
            object.number = number + 1
            object.time = entry.time.text
            object.offsetSeconds = seconds(entry, since: began)
            object.name = entry.name
            object.by = entry.by
            object.place = entry.place
            object.id = entry.id
            object.cause = entry.cause.map { $0 + 1 }
            object.sinceCauseSeconds = entry.cause.map { seconds(entry, since: timeline.entries[$0].time) }
            object.durationSeconds = entry.duration
            object.isFailure = entry.isFailure
            object.runID = entry.runID
            object.replay = entry.replay
            object.detail = entry.detail
            object.artifact = entry.artifact.map { .init(url: $0.url, sha256: $0.sha256, sizeBytes: $0.bytes) }
            return object
        }
        for log in timeline.logs {
            var object = TraceObject(kind: "log")
            object.name = log.step
            object.by = log.by
            object.runID = log.runID
            object.lines = log.lines
            object.excerpt = log.excerpt
            objects.append(object)
        }
        var whole = TraceObject(kind: "run")
        whole.id = timeline.correlationID
        whole.time = began?.text
        whole.durationSeconds =
            timeline.isOpen ? nil : began.flatMap { began in timeline.ended.map { $0.duration(since: began) / .seconds(1) } }
        whole.detail = timeline.summary
        return objects + [whole]
    }

    // MARK: As a picture

    /// A Mermaid sequence diagram: an arrow for each event that somebody acted on, a note for what nobody did.
    func mermaid() -> String {
        var names: [String] = []
        func participant(_ name: String) -> String {
            if let index = names.firstIndex(of: name) { return "p\(index + 1)" }
            names.append(name)
            return "p\(names.count)"
        }
        var lines: [String] = []
        let entries = timeline.entries
        for (number, entry) in entries.enumerated() {
            let by = participant(RunTimeline.bot(ofInstance: entry.by))
            let time = "+" + HumanText.fixed(seconds(entry, since: timeline.began), decimals: 2) + " s"
            switch entry.kind {
            case .event:
                var takers: [String] = []
                for other in entries where other.cause == number {
                    let taker = RunTimeline.bot(ofInstance: other.by)
                    if !takers.contains(taker) { takers.append(taker) }
                }
                for taker in takers { lines.append("\(by)->>\(participant(taker)): \(Self.safe(entry.name)) \(time)") }
                if takers.isEmpty { lines.append("Note over \(by): \(Self.safe(entry.name)) \(time)") }
            case .call:
                let took = entry.took.map { " \(HumanText.duration($0))" } ?? ""
                lines.append("Note over \(by): \(Self.safe(entry.name))\(took)\(entry.isFailure ? ", \(Self.safe(entry.detail))" : "")")
            case .person: lines.append("Note over \(by): \(Self.safe(entry.name)) \(time)")
            case .retry: lines.append("\(by)-->>\(by): later \(Self.safe(entry.name)) \(time)")
            case .deadLetter:
                lines.append("\(by)-x\(participant("mesh.dlq")): \(Self.safe(entry.name)) \(time), \(Self.safe(entry.detail))")
            }
        }
        let head = names.enumerated().map { "    participant p\($0.offset + 1) as \(Self.safe($0.element))" }
        return (["sequenceDiagram"] + head + lines.map { "    " + $0 }).joined(separator: "\n")
    }

    /// Text that cannot be taken for Mermaid's own signs.
    private static func safe(_ text: String) -> String {
        String(text.prefix(80).map { ";#<>\"\n\r".contains($0) ? " " : $0 }).printable
    }
}

/// One line of `mesh trace --format json`.
struct TraceObject: Encodable {
    /// `event`, `call`, `person`, `retry`, `dead_letter`, `log`, and at the end `run`.
    var kind: String
    var number: Int?
    var time: String?
    var offsetSeconds: Double?
    var name: String?
    var by: String?
    var place: String?
    var id: String?
    var cause: Int?
    var sinceCauseSeconds: Double?
    var durationSeconds: Double?
    var isFailure: Bool?
    var runID: String?
    var replay: String?
    var detail: String?
    var artifact: Artifact?
    var lines: Int?
    var excerpt: [String]?

    struct Artifact: Encodable {
        var url: String
        var sha256: String
        var sizeBytes: Int64

        enum CodingKeys: String, CodingKey {
            case url, sha256
            case sizeBytes = "size_bytes"
        }
    }

    init(kind: String) { self.kind = kind }

    enum CodingKeys: String, CodingKey {
        case kind, number, time, name, by, place, id, cause, replay, detail, artifact, lines, excerpt
        case offsetSeconds = "offset_seconds"
        case sinceCauseSeconds = "since_cause_seconds"
        case durationSeconds = "duration_seconds"
        case isFailure = "failure"
        case runID = "run_id"
    }
}
