import BotKit
import Bots
import Envelopes
import Testing

@Suite("TestBot") struct TestBotTests {
    private struct Missing: Error {}
    private let build = BuildCompleted(
        buildID: "b-1", repository: "https://example.org/shop", commit: "c", branch: "main", author: "Ann", message: "m",
        artifact: ArtifactReference(url: "file:///a", sha256: String(repeating: "a", count: 64), sizeBytes: 1, format: "tar.zst"),
        steps: [],
        durationSeconds: 1)

    private func bot(_ actions: [BotConfiguration.Action] = []) throws(ConfigurationError) -> TestBot {
        try TestBot(configuration: BotConfiguration(name: "TestBot", actions: actions))
    }

    private func event() throws -> Event {
        let envelope = Envelope(
            id: try #require(EventID("e-1")), timestamp: Timestamp(milliseconds: 1_000), source: "BuildBot", type: BuildCompleted.type,
            payload: try build.jsonBytes())
        return Event(envelope: envelope)
    }

    private func handle(_ bot: TestBot, _ input: Input<TestCall>, attempt: Int = 1) throws -> [Effect<TestOutput, TestCall>] {
        var state: Never?
        return try bot.handle(input, state: &state, context: Context(now: Timestamp(milliseconds: 3_000), runID: "t-1", attempt: attempt))
    }

    private func request(_ bot: TestBot) throws -> TestRun {
        for case .perform(.run(let request)) in try handle(bot, .event(event())) { return request }
        throw Missing()
    }

    private func finished(_ outcome: CallOutcome, attempt: Int = 1) throws -> TestOutput {
        let bot = try bot()
        for case .produce(let output) in try handle(bot, .finished(.run(request(bot)), outcome, event: event()), attempt: attempt) {
            return output
        }
        throw Missing()
    }

    @Test("A build starts one test run")
    func starts() throws {
        let effects = try handle(bot(), .event(event()))
        guard case .produce(.started(let started)) = effects[0], case .perform(.run(let run)) = effects[1] else { throw Missing() }
        #expect(
            started == TestStarted(testID: "t-1", buildID: "b-1", repository: build.repository, commit: "c", branch: "main", suites: []))
        #expect(run.artifact == build.artifact && run.pipeline.steps.map(\.work) == [.repository])
        #expect(try handle(bot(), .event(event()), attempt: 2).count == 1)
    }

    @Test("Passed, failed, skipped, and not testable")
    func ends() throws {
        let suites = [
            SuiteResult(name: "unit", total: 5, passed: 3, failed: 1, skipped: 1, durationSeconds: 1),
            SuiteResult(name: "e2e", total: 2, passed: 2, failed: 0, skipped: 0, durationSeconds: 1),
        ]
        guard
            case .completed(let completed) = try finished(
                .success(TestReport(suites: suites, flaky: ["unit/x"], coveragePercent: 80, durationSeconds: 2)))
        else { throw Missing() }
        #expect([completed.total, completed.passed, completed.failed, completed.skipped] == [7, 5, 1, 1])
        #expect(completed.flaky == ["unit/x"] && completed.coveragePercent == 80 && completed.artifact == build.artifact)
        let failures = (0..<300).map { CaseFailure(suite: "unit", name: "t\($0)", message: String(repeating: "x", count: 5000)) }
        guard
            case .failed(let failed) = try finished(
                .success(TestReport(suites: suites, failures: failures, reason: "1 failed", outputTail: ["o"], durationSeconds: 2)))
        else { throw Missing() }
        #expect(failed.reason == "1 failed" && failed.failures.count == 100)
        #expect(try failed.jsonBytes().count < 200_000)
        guard case .skipped(let skipped) = try finished(.success(TestReport(suites: [], durationSeconds: 2))) else { throw Missing() }
        #expect(skipped.artifact == build.artifact)
        guard case .failed(let mismatch) = try finished(.failure(CallFailure(.permanent, code: "digest-mismatch", message: "not the one")))
        else { throw Missing() }
        #expect(mismatch.reason == "not the one (digest-mismatch)" && mismatch.total == 0 && mismatch.durationSeconds == 2)
        let busy = CallOutcome.failure(CallFailure(.transient, code: "workspace-busy", message: "busy"))
        #expect(throws: Rejection.transient("workspace-busy", "busy")) { try finished(busy) }
        guard case .failed = try finished(busy, attempt: 3) else { throw Missing() }
    }

    @Test("A configuration's suites")
    func configured() throws {
        let actions = [
            BotConfiguration.Action(name: "get", type: "artifact.fetch", onSuccess: "unit"),
            BotConfiguration.Action(
                name: "unit", type: "test.suite", command: "make test",
                parameters: [
                    "suite": "unit", "junit": "r.xml", "coverage": "c.info", "coverage_threshold": 80, "rerun_failed": false,
                    "rerun_command": "x \"$@\"",
                ], timeout: .seconds(60), onSuccess: "theirs"),
            BotConfiguration.Action(name: "theirs", type: "test.suite", parameters: ["suite": "e2e"], onSuccess: "smoke"),
            BotConfiguration.Action(name: "smoke", type: "execute", command: "./smoke"),
        ]
        let run = try request(bot(actions))
        let suite = TestSuite(
            command: StepCommand(.template("make test"), timeLimit: .seconds(60)), junit: "r.xml", coverage: "c.info",
            coverageThreshold: 80,
            rerunsFailed: false, rerunCommand: "x \"$@\"")
        #expect(
            run.pipeline.steps.map(\.work) == [.fetch, .suite(suite), .repositorySuites(.e2e), .run(StepCommand(.template("./smoke")))])
        guard case .produce(.started(let started)) = try handle(bot(actions), .event(event()))[0] else { throw Missing() }
        #expect(started.suites == ["unit", "e2e", "smoke"])
        // A configuration that names no suite leaves them to the repository.
        #expect(
            try request(
                bot(
                    [actions[0]].map {
                        var action = $0
                        action.onSuccess = nil
                        return action
                    })
            ).pipeline.steps.map(\.work) == [.repository])
    }

    @Test("Settings that it cannot work with are named with their place")
    func mistakes() throws {
        func expect(_ path: String, _ parameters: JSONValue, _ location: SourceLocation = #_sourceLocation) {
            do {
                _ = try bot([BotConfiguration.Action(name: "a", type: "test.suite", command: "x", parameters: parameters)])
                Issue.record("it was taken", sourceLocation: location)
            } catch {
                #expect(error.path == path, "\(error)", sourceLocation: location)
            }
        }
        expect("actions[0].parameters.suite", ["suite": "smoke"])
        expect("actions[0].parameters.junit", ["junit": "/etc/passwd"])
        expect("actions[0].parameters.coverage", ["coverage": "../x"])
        expect("actions[0].parameters.coverage_threshold", ["coverage_threshold": 101])
        expect("actions[0].parameters.junnit", ["junnit": "x"])
        expect("actions[0].parameters.network", ["network": true])
    }
}
