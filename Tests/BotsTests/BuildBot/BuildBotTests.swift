import BotKit
import Bots
import Envelopes
import Testing

@Suite("BuildBot") struct BuildBotTests {
    private let context = Context(now: Timestamp(milliseconds: 61_000), runID: "run-1")
    private let commit = CodeCommitted(
        repository: "https://example.org/shop", commit: "abcdef1", branch: "main", author: "Ann", message: "Add; rm -rf /")

    private func bot(_ actions: [BotConfiguration.Action] = [], permissions: [Permission]? = nil) throws(ConfigurationError) -> BuildBot {
        try BuildBot(configuration: BotConfiguration(name: "BuildBot", actions: actions, permissions: permissions))
    }

    private func event(_ payload: some EventPayload) throws -> Event {
        let envelope = Envelope(
            id: try #require(EventID("e-1")), timestamp: Timestamp(milliseconds: 1_000), source: "git", type: type(of: payload).type,
            payload: try payload.jsonBytes())
        return Event(envelope: envelope, key: payload.key)
    }

    private func handle(_ bot: BuildBot, _ input: Input<BuildCall>, attempt: Int = 1) throws -> [Effect<BuildOutput, BuildCall>] {
        var state: Never?
        return try bot.handle(input, state: &state, context: Context(now: context.now, runID: context.runID, attempt: attempt))
    }

    private func request(_ bot: BuildBot) throws -> BuildRun {
        for case .perform(.run(let request)) in try handle(bot, .event(event(commit))) { return request }
        throw Missing()
    }
    private struct Missing: Error {}

    private func finished(_ outcome: CallOutcome, attempt: Int = 1, _ bot: BuildBot? = nil) throws -> [BuildOutput] {
        let bot = try bot ?? self.bot()
        let effects = try handle(bot, .finished(.run(request(bot)), outcome, event: event(commit)), attempt: attempt)
        return effects.compactMap { if case .produce(let output) = $0 { output } else { nil } }
    }

    @Test("A commit starts one build: told, and asked for")
    func starts() throws {
        let effects = try handle(bot(), .event(event(commit)))
        #expect(effects.count == 2)
        guard case .produce(.started(let started)) = effects[0], case .perform(.run(let run)) = effects[1] else { throw Missing() }
        #expect(started.buildID == "run-1" && started.commit == "abcdef1" && started.message == commit.message)
        #expect(run.buildID == "run-1" && run.repository == commit.repository && run.allowedRepositories == ["https://", "ssh://"])
        #expect(run.pipeline == Pipeline(steps: [PipelineStep(name: "pipeline", work: .repository)]))
        #expect(run.values["message"]?.string == commit.message && !run.limits.allowsNetwork)
        #expect(run.timeLimit == .seconds(3600))
        // The same again gives the same: a crash may repeat it.
        #expect(try request(bot()) == run)
        // A second try is the same build.
        #expect(try handle(bot(), .event(event(commit)), attempt: 2).count == 1)
    }

    @Test("How a build ends, and what is said")
    func ends() throws {
        let artifact = ArtifactReference(url: "file:///a", sha256: String(repeating: "a", count: 64), sizeBytes: 1, format: "tar.zst")
        let full = String(repeating: "a", count: 40)
        let steps = [StepResult(name: "make", exitStatus: 0, durationSeconds: 1)]
        guard
            case .completed(let completed) = try finished(
                .success(BuildReport(commit: full, artifact: artifact, steps: steps, durationSeconds: 2)))[0]
        else { throw Missing() }
        #expect(completed.commit == full && completed.artifact == artifact && completed.steps == steps && completed.status == "success")
        let failure = StepFailure(step: "make", exitStatus: 2, reason: "exit status 2", outputTail: ["error"])
        guard
            case .failed(let failed) = try finished(
                .success(BuildReport(commit: full, failure: failure, steps: steps, durationSeconds: 2)))[0]
        else { throw Missing() }
        #expect(failed.failedStep == "make" && failed.exitStatus == 2 && failed.outputTail == ["error"] && failed.durationSeconds == 2)
        guard case .cancelled(let cancelled) = try finished(.failure(CallFailure(.cancelled, code: "cancelled", message: "not needed")))[0]
        else { throw Missing() }
        #expect(cancelled.reason == "not needed" && cancelled.durationSeconds == 60)
    }

    @Test("A transient failure is tried again, and the last time it is the build's failure")
    func transient() throws {
        let failure = CallOutcome.failure(CallFailure(.transient, code: "fetch-failed", message: "no route"))
        #expect(throws: Rejection.transient("fetch-failed", "no route")) { try finished(failure) }
        #expect(throws: Rejection.self) { try finished(failure, attempt: 2) }
        guard case .failed(let failed) = try finished(failure, attempt: 3)[0] else { throw Missing() }
        #expect(failed.reason == "no route" && failed.exitStatus == nil)
        guard case .failed(let late) = try finished(.failure(CallFailure(.timedOut, code: "timed-out", message: "an hour")))[0] else {
            throw Missing()
        }
        #expect(late.failedStep == "pipeline" && late.durationSeconds == 60)
    }

    @Test("What is too long for an event is cut")
    func cuts() throws {
        let long = String(repeating: "ä", count: 100_000)
        let failure = StepFailure(step: "make", reason: long, outputTail: Array(repeating: long, count: 500))
        guard
            case .failed(let failed) = try finished(.success(BuildReport(commit: "c", failure: failure, steps: [], durationSeconds: 1)))[0]
        else { throw Missing() }
        #expect(try failed.jsonBytes().count < 100_000)
    }

    @Test("A configuration's actions are its pipeline")
    func configured() throws {
        let actions = [
            BotConfiguration.Action(name: "get", type: "git.checkout", parameters: ["allow": ["file:///srv/"]], onSuccess: "make"),
            BotConfiguration.Action(
                name: "make", type: "execute", command: "make ${branch}",
                parameters: ["directory": "src", "environment": ["A": "b"], "network": true],
                timeout: .seconds(30), onSuccess: "pack", onFailure: "tell"),
            BotConfiguration.Action(
                name: "pack", type: "artifact.pack", parameters: ["paths": ["dist"], "exclude": "*.o", "format": "tar.gz"]),
            BotConfiguration.Action(
                name: "tell", type: "message", command: "send_notification",
                parameters: ["title": "${branch} is broken", "severity": "critical", "channels": ["slack"]],
                onSuccess: "say"),
            BotConfiguration.Action(name: "say", type: "message", parameters: ["event": "build.failed", "payload": [:]]),
        ]
        let network = [Permission(resource: "network", actions: ["use"])]
        let bot = try bot(actions, permissions: network)
        let run = try request(bot)
        #expect(run.allowedRepositories == ["file:///srv/"] && run.limits.allowsNetwork)
        let command = StepCommand(
            .template("make ${branch}"), directory: "src", environment: ["A": "b"], timeLimit: .seconds(30), needsNetwork: true)
        #expect(
            run.pipeline.steps.map(\.work) == [
                .checkout, .run(command), .pack(PackSettings(paths: ["dist"], excluding: ["*.o"], format: "tar.gz")), .message, .message,
            ])
        #expect(run.pipeline.steps[1].onFailure == "tell")
        // Its own failed event is produced once, whatever the pipeline says; the notification goes out beside it.
        let failure = StepFailure(step: "make", exitStatus: 1, reason: "r")
        let outputs = try finished(
            .success(BuildReport(commit: "c", failure: failure, steps: [], durationSeconds: 1, messages: ["tell", "say"])), bot)
        #expect(outputs.map(\.eventType) == ["build.failed", "notification.requested"])
        guard case .notification(let told) = outputs[1] else { throw Missing() }
        #expect(told.title == "main is broken" && told.severity == .critical && told.channels == ["slack"])
    }

    @Test("Settings that it cannot work with are named with their place")
    func mistakes() throws {
        func expect(_ path: String, _ action: BotConfiguration.Action, _ location: SourceLocation = #_sourceLocation) {
            do {
                _ = try bot([action])
                Issue.record("it was taken", sourceLocation: location)
            } catch {
                #expect(error.path == path, "\(error)", sourceLocation: location)
            }
        }
        expect("actions[0].type", BotConfiguration.Action(name: "a", type: "deploy.directory"))
        expect("actions[0]", BotConfiguration.Action(name: "a", type: "execute"))
        expect("actions[0].command", BotConfiguration.Action(name: "a", type: "execute", command: "'open"))
        expect("actions[0]", BotConfiguration.Action(name: "a", type: "execute", command: "make", onSuccess: "b"))
        expect(
            "actions[0].parameters.network",
            BotConfiguration.Action(name: "a", type: "execute", command: "make", parameters: ["network": true]))
        expect(
            "actions[0].parameters.directory",
            BotConfiguration.Action(name: "a", type: "execute", command: "make", parameters: ["directory": "../x"]))
        expect("actions[0].parameters.format", BotConfiguration.Action(name: "a", type: "artifact.pack", parameters: ["format": "zip"]))
        expect("actions[0].parameters.paths", BotConfiguration.Action(name: "a", type: "artifact.pack", parameters: ["paths": ["/etc"]]))
        expect("actions[0].parameters.alow", BotConfiguration.Action(name: "a", type: "git.checkout", parameters: ["alow": ["x"]]))
        expect(
            "actions[0].parameters.event", BotConfiguration.Action(name: "a", type: "message", parameters: ["event": "deploy.requested"]))
    }

    @Test("A payload of another form is a permanent rejection")
    func payload() throws {
        let envelope = Envelope(
            id: try #require(EventID("e")), timestamp: context.now, source: "x", type: "code.committed", payload: Array("{}".utf8))
        let bot = try bot()
        #expect(throws: Rejection.self) { try handle(bot, .event(Event(envelope: envelope))) }
    }
}
