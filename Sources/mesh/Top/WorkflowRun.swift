import Envelopes

/// What is known of one run: all events with one correlation id.
struct WorkflowRun: Sendable, Equatable {
    let id: String
    var first: Timestamp
    var last: Timestamp
    var lastType: String
    var subject: String
    var events: Int
    /// Whether the last event is one after which nothing more is expected.
    var hasEnded: Bool
}

/// Which runs are open, from the events as they come. Bounded.
struct WorkflowBook {
    private var runs: [String: WorkflowRun] = [:]
    static let maximumRuns = 2_000
    /// An open run of which nothing is heard for so long is not shown any more; one of a single event is given up sooner.
    static let quiet: Duration = .seconds(600)
    static let quietAlone: Duration = .seconds(120)

    /// After these, nothing more is expected, unless something follows all the same.
    private static let endings: Set<String> = [
        "build.failed", "build.cancelled", "test.failed", "security.failed", "deploy.failed", "deploy.rolled_back", "deploy.rejected",
        "deploy.completed",
    ]
    /// They tell of a run, and are no step of it.
    private static let tellers: Set<String> = ["notification", "alert", "monitor", "bot", "schedule", "mesh", "bench"]

    mutating func add(_ envelope: Envelope, _ payload: JSONValue) {
        let id = envelope.correlationID
        guard !id.isEmpty, id.utf8.count <= 128 else { return }
        let type = envelope.type.name
        guard !Self.tellers.contains(String(envelope.type.domain)), !type.hasSuffix(".log") else { return }
        var run =
            runs[id]
            ?? WorkflowRun(
                id: id, first: envelope.timestamp, last: envelope.timestamp, lastType: type, subject: "", events: 0, hasEnded: false)
        run.events += 1
        run.first = min(run.first, envelope.timestamp)
        if run.subject.isEmpty { run.subject = EventLine.subject(payload) }
        // Topics are read side by side: what is older does not take the place of what is newer.
        if envelope.timestamp >= run.last {
            run.last = envelope.timestamp
            run.lastType = type
            run.hasEnded = Self.endings.contains(type)
        }
        runs[id] = run
        if runs.count > Self.maximumRuns { forgetSome() }
    }

    /// A tenth of them, the ended and the oldest first.
    private mutating func forgetSome() {
        let order = runs.values.sorted { ($0.hasEnded ? 0 : 1, $0.last, $0.id) < ($1.hasEnded ? 0 : 1, $1.last, $1.id) }
        for run in order.prefix(Self.maximumRuns / 10) { runs[run.id] = nil }
    }

    /// Those that go on, the newest first.
    func open(now: Timestamp) -> [WorkflowRun] {
        runs.values.filter { run in
            !run.hasEnded && now.duration(since: run.last) < (run.events == 1 ? Self.quietAlone : Self.quiet)
        }.sorted { ($0.first, $0.id) > ($1.first, $1.id) }
    }
}
