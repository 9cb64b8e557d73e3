import BotKit
import Envelopes
import Testing

@testable import Bots

/// Drives a MonitorBot: calls are answered by `problem` and `metrics`, reminders wait for the test.
struct MonitorHarness {
    let bot: MonitorBot
    var states: [String: MonitorState] = [:]
    var produced: [MonitorOutput] = []
    var asked: [String] = []
    var reminders: [(Reminder, Event)] = []
    /// By address: what is wrong with it.
    var problems: [String: String] = [:]
    /// By selector; missing is unknown.
    var metrics: [String: Double] = [:]
    var refused: Set<String> = []
    var now = Timestamp(milliseconds: 1_000_000)
    private var events = 0

    init(_ actions: [BotConfiguration.Action] = []) throws {
        bot = try MonitorBot(configuration: BotConfiguration(name: "MonitorBot", actions: actions))
    }

    mutating func deploy(_ id: String, environment: String = "staging", urls: [String], at time: Timestamp? = nil) throws {
        try send(
            DeployCompleted(
                deployID: id, environment: environment, repository: "https://host/shop.git", commit: "abcdef1", strategy: "blue-green",
                artifact: ArtifactReference(url: "file:///a", sha256: "a", sizeBytes: 1, format: "tar.gz"), release: "r-\(id)",
                healthURLs: urls, durationSeconds: 1), at: time)
    }

    mutating func fireSchedule(bot name: String = "MonitorBot") throws {
        try send(ScheduleFired(bot: name, schedule: "* * * * *", firedAt: "2026-01-01T00:00:00.000Z"))
    }

    private mutating func send(_ payload: some EventPayload, at time: Timestamp? = nil) throws {
        events += 1
        now = now.advanced(by: .seconds(1))
        let envelope = Envelope(
            id: try #require(EventID("event-\(events)")), timestamp: time ?? now, source: "t", type: type(of: payload).type,
            payload: try payload.jsonBytes())
        try run(.event(Event(envelope: envelope)), Event(envelope: envelope))
    }

    /// Lets the oldest reminder come due.
    mutating func remind() throws {
        guard !reminders.isEmpty else {
            Issue.record("no reminder is set")
            return
        }
        let (reminder, event) = reminders.removeFirst()
        now = now.advanced(by: reminder.after)
        try run(.reminder(reminder, event: event), event)
    }

    private mutating func run(_ input: Input<MonitorCall>, _ event: Event) throws {
        let aggregate = try bot.aggregate(of: event)
        var inputs = [input]
        while !inputs.isEmpty {
            let context = Context(now: now, runID: "run-\(event.envelope.id)")
            for effect in try bot.handle(inputs.removeFirst(), state: &states[aggregate], context: context) {
                switch effect {
                case .produce(let output): produced.append(output)
                case .remind(let reminder): reminders.append((reminder, event))
                case .perform(let call):
                    // What a bot asks for and remembers goes through JSON in the mesh.
                    inputs.append(.finished(call, answer(call), event: event))
                }
            }
        }
    }

    private mutating func answer(_ call: MonitorCall) -> CallOutcome {
        switch call {
        case .probe(let probe):
            asked.append(probe.url)
            if refused.contains(probe.url) { return .failure(CallFailure(.permanent, code: "host-refused", message: "not allowed")) }
            let problem = problems[probe.url]
            return .success(ProbeResponse(problem: problem, status: problem == nil ? 200 : 503, seconds: 0.01))
        case .scrape(let scrape):
            asked.append(scrape.url)
            return .success(
                MetricsScrapeResponse(
                    problem: problems[scrape.url], status: 200, seconds: 0.01, values: scrape.selectors.map { metrics[$0.text] }))
        }
    }

    /// What was produced since the last look, in short.
    mutating func said() -> [String] {
        defer { produced = [] }
        return produced.map { output in
            switch output {
            case .passed(let event): event.allClear ? "all clear \(event.check)" : "passed \(event.check)"
            case .failed(let event): "failed \(event.check) \(event.consecutiveFailures)"
            case .metrics(let event):
                "metrics \(event.metrics.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "))"
            case .triggered(let alert): "triggered \(alert.alertName) \(alert.value)"
            case .resolved(let alert): "resolved \(alert.alertName) \(alert.durationSeconds)"
            }
        }
    }
}
