import BotKit
import Bots
import Envelopes
import Testing

/// Drives a DeployBot as the runtime does: one environment's inputs in order, each call answered before the next input.
struct DeployBotHarness {
    let bot: DeployBot
    var state: DeployState?
    var now = Timestamp(milliseconds: 1_000_000)
    var produced: [DeployOutput] = []
    var performed: [DeployCall] = []
    /// Reminders that were set, with the event that set them; the test says when they come.
    var reminders: [(Reminder, Event)] = []
    /// What a call gives back; everything passes by default.
    var answer: (DeployCall) -> CallOutcome = { call in Self.pass(call) }
    private var events = 0

    init(_ actions: [BotConfiguration.Action] = Self.actions) throws {
        bot = try DeployBot(configuration: BotConfiguration(name: "DeployBot", actions: actions))
    }

    static let actions = [
        BotConfiguration.Action(
            name: "staging", type: "deploy.directory",
            parameters: .object([
                "start_command": .string("./serve"), "port": .integer(8080), "health_url": .string("http://127.0.0.1:8080/health"),
                "smoke_command": .string("./smoke"),
            ]), onSuccess: "production"),
        BotConfiguration.Action(name: "production", type: "deploy.directory", parameters: .object(["approval": .bool(true)])),
    ]

    static func pass(_ call: DeployCall) -> CallOutcome {
        if case .switch = call { return .success(DeploySwitch.Response(previousRelease: "before")) }
        return .success(DeployReport(passed: true))
    }

    static func fail(_ reason: String) -> CallOutcome { .success(DeployReport(passed: false, reason: reason, outputTail: ["line"])) }

    static func artifact(_ commit: String) -> ArtifactReference {
        ArtifactReference(url: "file:///a/\(commit).tar.gz", sha256: String(repeating: "a", count: 64), sizeBytes: 10, format: "tar.gz")
    }

    static func request(
        _ commit: String, to environment: String = "staging", branch: String? = "main", repository: String = "file:///repo/shop",
        emergency: String? = nil
    ) -> DeployRequested {
        DeployRequested(
            environment: environment, repository: repository, commit: commit, branch: branch, artifact: artifact(commit),
            requestedBy: "ann", emergencyReason: emergency)
    }

    /// Sends an event and works through all calls that it leads to. Gives the run's id.
    @discardableResult
    mutating func send(_ payload: some EventPayload, at time: Timestamp? = nil) throws -> String {
        events += 1
        let id = "run-\(events)"
        let envelope = Envelope(
            id: try #require(EventID("event-\(events)")), timestamp: time ?? now.advanced(by: .milliseconds(500)), source: "test",
            type: type(of: payload).type,
            payload: try payload.jsonBytes())
        let event = Event(envelope: envelope, key: payload.key)
        _ = try bot.aggregate(of: event)
        try run(.event(event), event, id)
        return id
    }

    /// The oldest reminder comes due.
    mutating func remind() throws {
        let (reminder, event) = reminders.removeFirst()
        try run(.reminder(reminder, event: event), event, "run-of-reminder")
    }

    private mutating func run(_ input: Input<DeployCall>, _ event: Event, _ id: String) throws {
        var inputs = [input]
        while !inputs.isEmpty {
            now = now.advanced(by: .seconds(1))
            let effects = try bot.handle(inputs.removeFirst(), state: &state, context: Context(now: now, runID: id))
            for effect in effects {
                switch effect {
                case .produce(let output): produced.append(output)
                case .remind(let reminder): reminders.append((reminder, event))
                case .perform(let call):
                    performed.append(call)
                    inputs.append(.finished(call, answer(call), event: event))
                }
            }
        }
    }

    var producedTypes: [String] { produced.map(\.eventType.name) }
    var performedKinds: [String] { performed.map { type(of: $0.request).kind.name } }

    mutating func clear() {
        produced = []
        performed = []
        reminders = []
    }
}
