import BotKit
import Envelopes
import Testing

@testable import Bots

@Suite struct SecurityBotTests {
    private let artifact = ArtifactReference(
        url: "file:///a/b.tar.gz", sha256: String(repeating: "a", count: 64), sizeBytes: 1, format: "tar.gz")

    private func bot(_ actions: [BotConfiguration.Action] = []) throws -> SecurityBot {
        try SecurityBot(configuration: BotConfiguration(name: "SecurityBot", actions: actions))
    }

    private func event(_ payload: some EventPayload) throws -> Event {
        Event(
            envelope: Envelope(
                id: try #require(EventID("e")), timestamp: Timestamp(milliseconds: 0), source: "TestBot", type: type(of: payload).type,
                payload: try payload.jsonBytes()))
    }

    private func completed() throws -> Event {
        try event(
            TestCompleted(
                testID: "t", buildID: "b", repository: "https://host/shop.git", commit: "abcdef1", branch: "main", author: "Ada",
                message: "Add cart", artifact: artifact, total: 1, passed: 1, failed: 0, skipped: 0, flaky: [], durationSeconds: 1,
                suites: []))
    }

    private func response(
        secrets: Int = 0, critical: Int = 0, high: Int = 0, medium: Int = 0, isComplete: Bool = true
    ) -> SecurityScanResponse {
        SecurityScanResponse(
            secretCounts: FindingCounts(critical: secrets, high: 0, medium: 0, low: 0), staticCounts: .none, dockerfileCounts: .none,
            dependencyCounts: FindingCounts(critical: critical, high: high, medium: medium, low: 0),
            vulnerabilities: high > 0
                ? [Vulnerability(id: "GHSA-1", package: "p", ecosystem: "npm", version: "1.0.0", severity: .high, fixedIn: "1.0.1")] : [],
            secrets: (0..<secrets).map { SecretFinding(rule: "github-token", file: "a.py", line: $0 + 1, fingerprint: "f\($0)") },
            isComplete: isComplete, notes: isComplete ? [] : ["a lock file could not be read"], sarifURL: "file:///s", sbomURL: "file:///c",
            durationSeconds: 2)
    }

    private func run(
        _ bot: SecurityBot, _ event: Event, _ outcome: CallOutcome, attempt: Int = 1
    ) throws -> (started: [SecurityOutput], ended: [SecurityOutput], request: SecurityScanRequest) {
        var state: Never?
        let context = Context(now: Timestamp(milliseconds: 5), runID: "scan-1", attempt: attempt)
        var started: [SecurityOutput] = []
        var request: SecurityScanRequest?
        for effect in try bot.handle(.event(event), state: &state, context: context) {
            switch effect {
            case .produce(let output): started.append(output)
            case .perform(.scan(let call)): request = call
            case .remind: Issue.record("no reminder was expected")
            }
        }
        let call = try #require(request)
        let ended = try bot.handle(.finished(.scan(call), outcome, event: event), state: &state, context: context).map { effect in
            if case .produce(let output) = effect { return output }
            throw PayloadError(type: "x", reason: "only events were expected")
        }
        return (started, ended, call)
    }

    @Test func aCleanScanPasses() throws {
        let result = try run(bot(), completed(), .success(response(medium: 3)))
        guard case .started(let started) = result.started.first, case .completed(let scan) = result.ended.last else {
            Issue.record("started and completed were expected")
            return
        }
        #expect(started.scanID == "scan-1" && started.testID == "t")
        #expect(scan.verdict == .pass && scan.reasons.isEmpty && scan.author == "Ada" && scan.artifact == artifact)
        #expect(scan.findings == FindingCounts(critical: 0, high: 0, medium: 3, low: 0))
        #expect(result.ended.count == 1)
        #expect(result.request.settings.checks == SecurityCheck.allCases)
    }

    @Test func secretsAlwaysFail() throws {
        let none = BotConfiguration.Action(name: "policy", type: "security.policy", parameters: ["fail_on": "none"])
        let secrets = BotConfiguration.Action(name: "secrets", type: "security.secrets")
        let result = try run(bot([secrets, none]), completed(), .success(response(secrets: 2, high: 1)))
        #expect(result.ended.map(\.payload.key) == Array(repeating: "https://host/shop.git", count: 3))
        guard case .secrets(let found) = result.ended[0], case .vulnerabilities = result.ended[1],
            case .completed(let scan) = result.ended[2]
        else {
            Issue.record("secrets, vulnerabilities and completed were expected")
            return
        }
        #expect(found.secrets.count == 2)
        #expect(scan.verdict == .fail)
        #expect(scan.reasons == ["2 secrets: github-token in a.py:1, github-token in a.py:2"])
        #expect(result.request.settings.checks == [.secrets])
    }

    @Test(arguments: [("critical", 0, 1, true), ("high", 0, 1, false), ("medium", 0, 0, false), ("none", 5, 5, true)])
    func thePolicyHasAThreshold(_ failOn: String, _ critical: Int, _ high: Int, _ passes: Bool) throws {
        let policy = BotConfiguration.Action(
            name: "policy", type: "security.policy", parameters: ["fail_on": ["dependencies": .string(failOn), "static": "critical"]])
        let result = try run(bot([policy]), completed(), .success(response(critical: critical, high: high, medium: 1)))
        guard case .completed(let scan) = result.ended.last else {
            Issue.record("completed was expected")
            return
        }
        #expect((scan.verdict == .pass) == passes, "\(scan.reasons)")
    }

    @Test func anIncompleteScanDoesNotPass() throws {
        let result = try run(bot(), completed(), .success(response(isComplete: false)))
        guard case .completed(let scan) = result.ended.last else {
            Issue.record("completed was expected")
            return
        }
        #expect(scan.verdict == .fail && scan.reasons.first?.contains("not everything") == true)
        let lenient = BotConfiguration.Action(name: "policy", type: "security.policy", parameters: ["allow_incomplete": true])
        guard case .completed(let allowed) = try run(bot([lenient]), completed(), .success(response(isComplete: false))).ended.last else {
            Issue.record("completed was expected")
            return
        }
        #expect(allowed.verdict == .pass)
    }

    @Test func aScanThatCannotRunFailsAfterItsTries() throws {
        let refused = CallFailure(.permanent, code: "digest-mismatch", message: "the artifact is another one")
        guard case .failed(let failed) = try run(bot(), completed(), .failure(refused)).ended.first else {
            Issue.record("failed was expected")
            return
        }
        #expect(failed.code == "digest-mismatch" && failed.buildID == "b")
        let busy = CallFailure(.transient, code: "network", message: "no answer")
        let first = try bot()
        let event = try completed()
        #expect(throws: Rejection.self) { try run(first, event, .failure(busy)) }
        let last = try run(bot(), completed(), .failure(busy), attempt: 3)
        #expect(last.started.isEmpty, "a second try is the same scan")
        guard case .failed(let ended) = last.ended.first else {
            Issue.record("failed was expected")
            return
        }
        #expect(ended.code == "network")
    }

    @Test func skippedTestsAreScannedToo() throws {
        let skipped = try event(
            TestSkipped(
                testID: "t", buildID: "b", repository: "https://host/shop.git", commit: "abcdef1", branch: nil, reason: "none",
                artifact: artifact))
        guard case .completed(let scan) = try run(bot(), skipped, .success(response())).ended.last else {
            Issue.record("completed was expected")
            return
        }
        #expect(scan.verdict == .pass && scan.author == nil)
    }

    @Test func mistakesInTheConfigurationAreNamed() throws {
        func problem(_ type: String, _ parameters: JSONValue) -> String {
            do {
                _ = try bot([BotConfiguration.Action(name: "a", type: type, parameters: parameters)])
                return ""
            } catch let error as ConfigurationError {
                return error.description
            } catch {
                return "\(error)"
            }
        }
        #expect(problem("security.secret", [:]).contains("actions[0].type"))
        #expect(problem("security.dependencies", ["osv_dir": "x"]).contains("did you mean 'osv_directory'"))
        #expect(problem("security.policy", ["fail_on": "bad"]).contains("critical, high, medium, low, none"))
        #expect(problem("security.policy", ["fail_on": ["secrets": "none"]]).contains("secrets always fail"))
        #expect(problem("security.dependencies", ["osv_directory": "/osv"]) == "")
    }
}
