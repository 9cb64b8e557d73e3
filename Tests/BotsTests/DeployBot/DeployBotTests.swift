import BotKit
import Bots
import Envelopes
import Testing

@Suite struct DeployBotTests {
    @Test func aPassedScanAsksForTheFirstEnvironment() throws {
        var bot = try DeployBotHarness()
        var scan = SecurityScanCompleted(
            scanID: "s", testID: nil, buildID: "b", repository: "file:///repo/shop", commit: "c1", branch: "main", author: "Ann",
            message: "more", artifact: DeployBotHarness.artifact("c1"), verdict: .pass,
            findings: FindingCounts(critical: 0, high: 0, medium: 0, low: 0), reasons: [], sarifURL: nil, sbomURL: nil, durationSeconds: 1)
        try bot.send(scan)
        guard case .requested(let request) = try #require(bot.produced.first) else { throw Unexpected() }
        #expect(request.environment == "staging")
        #expect(request.commit == "c1")
        #expect(request.buildID == "b")
        #expect(request.key == "staging")
        #expect(bot.state == nil)
        bot.clear()
        scan.verdict = .fail
        try bot.send(scan)
        #expect(bot.produced.isEmpty)
    }

    @Test func deploysStepByStepAndAsksForTheNextEnvironment() throws {
        var bot = try DeployBotHarness()
        let id = try bot.send(DeployBotHarness.request("c1"))
        #expect(bot.performedKinds == ["deploy.prepare", "deploy.trial", "deploy.switch", "deploy.verify"])
        #expect(bot.producedTypes == ["deploy.started", "deploy.completed", "deploy.requested"])
        guard case .completed(let completed) = bot.produced[1], case .requested(let next) = bot.produced[2] else { throw Unexpected() }
        #expect(completed.deployID == id)
        #expect(completed.release == id)
        #expect(completed.healthURLs == ["http://127.0.0.1:8080/health"])
        #expect(completed.durationSeconds == 4)
        #expect(next.environment == "production")
        #expect(next.emergencyReason == nil)
    }

    @Test func waitsForApprovalAndTellsHowToGiveIt() throws {
        var bot = try DeployBotHarness()
        let id = try bot.send(DeployBotHarness.request("c1", to: "production"))
        #expect(bot.producedTypes == ["notification.requested"])
        guard case .notification(let notification) = bot.produced[0] else { throw Unexpected() }
        #expect(notification.text.contains("mesh approve \(id)"))
        #expect(notification.text.contains("mesh reject \(id) --reason"))
        #expect(bot.performed.isEmpty)
        bot.clear()
        try bot.send(DeployApproved(deployID: id, environment: "production", approvedBy: "eve"))
        #expect(bot.producedTypes == ["deploy.started", "deploy.completed"])
        guard case .started(let started) = bot.produced[0] else { throw Unexpected() }
        #expect(started.deployID == id)
        bot.clear()
        // The same decision again changes nothing.
        try bot.send(DeployApproved(deployID: id, environment: "production", approvedBy: "eve"))
        #expect(bot.produced.isEmpty && bot.performed.isEmpty)
    }

    @Test func aRefusedDeployNeverStarts() throws {
        var bot = try DeployBotHarness()
        let id = try bot.send(DeployBotHarness.request("c1", to: "production"))
        bot.clear()
        try bot.send(DeployRejected(deployID: id, environment: "production", rejectedBy: "eve", reason: "Friday"))
        #expect(bot.produced.isEmpty && bot.performed.isEmpty)
        try bot.send(DeployApproved(deployID: id, environment: "production", approvedBy: "ann"))
        #expect(bot.produced.isEmpty && bot.performed.isEmpty)
    }

    @Test func decisionsNeedANameAndAWaitingDeploy() throws {
        var bot = try DeployBotHarness()
        let id = try bot.send(DeployBotHarness.request("c1", to: "production"))
        #expect(
            rejection { try bot.send(DeployApproved(deployID: id, environment: "production", approvedBy: " ")) }?.code
                == "nameless-decision")
        #expect(
            rejection { try bot.send(DeployApproved(deployID: "other", environment: "production", approvedBy: "eve")) }?.code
                == "nothing-to-approve")
        #expect(
            rejection { try bot.send(DeployBotHarness.request("c1", to: "prodction")) }?.message.contains("did you mean 'production'")
                == true)
    }

    @Test func anEmergencySkipsApprovalAndSaysSo() throws {
        var bot = try DeployBotHarness()
        try bot.send(DeployBotHarness.request("c1", to: "production", emergency: "the shop is down"))
        #expect(bot.producedTypes == ["notification.requested", "deploy.started", "deploy.completed"])
        guard case .notification(let notification) = bot.produced[0], case .switch(let change) = bot.performed[1] else {
            throw Unexpected()
        }
        #expect(notification.severity == .critical)
        #expect(notification.text.contains("the shop is down"))
        #expect(change.emergencyReason == "the shop is down")
    }

    @Test(arguments: [("deploy.prepare", "prepare"), ("deploy.trial", "trial")])
    func aFailureBeforeTheSwitchTouchesNothing(kind: String, stage: String) throws {
        var bot = try DeployBotHarness()
        bot.answer = { type(of: $0.request).kind.name == kind ? DeployBotHarness.fail("smoke") : DeployBotHarness.pass($0) }
        try bot.send(DeployBotHarness.request("c1"))
        #expect(bot.producedTypes == ["deploy.started", "deploy.failed"])
        guard case .failed(let failed) = bot.produced[1] else { throw Unexpected() }
        #expect(failed.stage == stage)
        #expect(failed.rolledBack == false)
        #expect(failed.outputTail == ["line"])
        #expect(!bot.performedKinds.contains("deploy.revert"))
        #expect(bot.state?.encoded != nil)
    }

    @Test func aBadReleaseIsTakenBack() throws {
        var bot = try DeployBotHarness()
        try bot.send(DeployBotHarness.request("c1"))
        bot.clear()
        bot.answer = { call in
            if case .verify = call { return DeployBotHarness.fail("status 500") }
            return DeployBotHarness.pass(call)
        }
        let id = try bot.send(DeployBotHarness.request("c2"))
        #expect(bot.performedKinds == ["deploy.prepare", "deploy.trial", "deploy.switch", "deploy.verify", "deploy.revert"])
        #expect(bot.producedTypes == ["deploy.started", "deploy.failed", "deploy.rolled_back"])
        guard case .failed(let failed) = bot.produced[1], case .rolledBack(let back) = bot.produced[2],
            case .revert(let revert) = try #require(bot.performed.last)
        else { throw Unexpected() }
        #expect(failed.rolledBack && failed.stage == "verify" && failed.reason == "status 500")
        #expect(revert.release == "before")
        #expect(back.deployID == id && back.fromCommit == "c2" && back.toCommit == "c1")
    }

    @Test func theFirstReleaseThatFailsLeavesTheEnvironmentEmpty() throws {
        var bot = try DeployBotHarness()
        bot.answer = { call in
            switch call {
            case .switch: .success(DeploySwitch.Response(previousRelease: nil))
            case .verify: .failure(CallFailure(.timedOut, code: "timed-out", message: "too slow"))
            default: DeployBotHarness.pass(call)
            }
        }
        try bot.send(DeployBotHarness.request("c1"))
        #expect(bot.producedTypes == ["deploy.started", "deploy.failed"])
        guard case .failed(let failed) = bot.produced[1], case .revert(let revert) = try #require(bot.performed.last) else {
            throw Unexpected()
        }
        #expect(revert.release == nil)
        #expect(!failed.rolledBack && failed.reason.contains("empty again"))
    }

    @Test func aRollBackThatFailsCallsAPerson() throws {
        var bot = try DeployBotHarness()
        try bot.send(DeployBotHarness.request("c1"))
        bot.clear()
        bot.answer = { call in
            switch call {
            case .verify: DeployBotHarness.fail("status 500")
            case .revert: .failure(CallFailure(.permanent, code: "no-release", message: "gone"))
            default: DeployBotHarness.pass(call)
            }
        }
        try bot.send(DeployBotHarness.request("c2"))
        #expect(bot.producedTypes == ["deploy.started", "notification.requested", "deploy.failed"])
        guard case .notification(let notification) = bot.produced[1], case .failed(let failed) = bot.produced[2] else { throw Unexpected() }
        #expect(notification.severity == .critical)
        #expect(!failed.rolledBack && failed.reason.contains("the roll-back failed too"))
    }

    @Test func aPassingFailureIsTriedAgainTwice() throws {
        var bot = try DeployBotHarness()
        bot.answer = { _ in .failure(CallFailure(.transient, code: "busy", message: "busy")) }
        try bot.send(DeployBotHarness.request("c1"))
        #expect(bot.producedTypes == ["deploy.started"])
        #expect(bot.reminders.map(\.0.after) == [.seconds(5)])
        try bot.remind()
        #expect(bot.reminders.map(\.0.after) == [.seconds(10)])
        try bot.remind()
        #expect(bot.producedTypes == ["deploy.started", "deploy.failed"])
        #expect(bot.performedKinds == ["deploy.prepare", "deploy.prepare", "deploy.prepare"])
    }

    @Test func whatCameDuringARunWaitsAndTheNewestOfABranchWins() throws {
        var bot = try DeployBotHarness()
        let during = bot.now.advanced(by: .seconds(1))
        try bot.send(DeployBotHarness.request("c1"))
        bot.clear()
        // All three were asked for while the first ran; the lane hands them over one after the other.
        let second = try bot.send(DeployBotHarness.request("c2"), at: during)
        #expect(bot.performed.isEmpty && bot.reminders.count == 1)
        try bot.send(DeployBotHarness.request("d1", branch: "other"), at: during)
        try bot.send(DeployBotHarness.request("c3"), at: during)
        #expect(bot.producedTypes == ["deploy.rejected"])
        guard case .rejected(let rejected) = bot.produced[0] else { throw Unexpected() }
        #expect(rejected.deployID == second && rejected.rejectedBy == "DeployBot" && rejected.reason.contains("superseded by commit c3"))
        // Its own rejection comes back and finds nothing to do.
        try bot.send(rejected, at: during)
        #expect(bot.performed.isEmpty)
        try bot.remind()
        try bot.remind()
        let started = bot.produced.compactMap { if case .started(let started) = $0 { started.commit } else { nil } }
        #expect(started == ["d1", "c3"])
        #expect(bot.reminders.isEmpty)
    }

    @Test func aNewerCommitTakesThePlaceOfOneThatWaitsForApproval() throws {
        var bot = try DeployBotHarness()
        let first = try bot.send(DeployBotHarness.request("c1", to: "production"))
        let second = try bot.send(DeployBotHarness.request("c2", to: "production"))
        #expect(bot.producedTypes == ["notification.requested", "deploy.rejected", "notification.requested"])
        bot.clear()
        try bot.send(DeployApproved(deployID: first, environment: "production", approvedBy: "eve"))
        #expect(bot.produced.isEmpty)
        try bot.send(DeployApproved(deployID: second, environment: "production", approvedBy: "eve"))
        #expect(bot.producedTypes == ["deploy.started", "deploy.completed"])
    }

    @Test func theQueueHasALimit() throws {
        var bot = try DeployBotHarness()
        let during = bot.now.advanced(by: .seconds(1))
        try bot.send(DeployBotHarness.request("c1"))
        bot.clear()
        for index in 0..<25 { try bot.send(DeployBotHarness.request("x", branch: "b\(index)"), at: during) }
        #expect(bot.producedTypes == Array(repeating: "deploy.rejected", count: 5))
    }

    @Test func aPersonRollsBackOneReleaseAtATime() throws {
        var bot = try DeployBotHarness()
        let first = try bot.send(DeployBotHarness.request("c1"))
        try bot.send(DeployBotHarness.request("c2"))
        bot.clear()
        let request = DeployRollbackRequested(environment: "staging", requestedBy: "eve", reason: "wrong colours")
        try bot.send(request)
        guard case .revert(let revert) = try #require(bot.performed.first), case .rolledBack(let back) = try #require(bot.produced.first)
        else {
            throw Unexpected()
        }
        #expect(revert.release == first)
        #expect(back.fromCommit == "c2" && back.toCommit == "c1" && back.requestedBy == "eve" && back.reason == "wrong colours")
        #expect(rejection { try bot.send(request) }?.code == "nothing-to-roll-back")
    }

    @Test func kubernetesFillsTheImageAndUndoesABadRollout() throws {
        var bot = try DeployBotHarness([
            BotConfiguration.Action(
                name: "cluster", type: "deploy.kubernetes",
                parameters: .object([
                    "deployment": .string("shop"), "namespace": .string("prod"), "image": .string("registry/${repository_name}:${commit}"),
                ]))
        ])
        bot.answer = { call in
            guard case .kubernetes(let request) = call, request.operation == .apply else { return DeployBotHarness.pass(call) }
            return DeployBotHarness.fail("deadline exceeded")
        }
        try bot.send(DeployBotHarness.request("c1", to: "cluster", repository: "https://git.example.org/team/shop.git"))
        guard case .kubernetes(let apply) = bot.performed[0], case .kubernetes(let undo) = bot.performed[1] else { throw Unexpected() }
        #expect(apply.target.image == "registry/shop:c1")
        #expect(apply.target.container == "shop")
        #expect(undo.operation == .undo)
        #expect(bot.producedTypes == ["deploy.started", "deploy.failed"])
    }

    @Test func statesSurviveJSON() throws {
        var bot = try DeployBotHarness()
        try bot.send(DeployBotHarness.request("c1", to: "production"))
        try bot.send(DeployBotHarness.request("c2", to: "production", emergency: "now"))
        let state = try #require(bot.state)
        #expect(try state.decodedAgain() == state)
    }

    @Test func effectsAreARepeatableFunctionOfTheInput() throws {
        var first = try DeployBotHarness()
        var second = try DeployBotHarness()
        for commit in ["c1", "c2", "c3"] {
            try first.send(DeployBotHarness.request(commit))
            try second.send(DeployBotHarness.request(commit))
        }
        #expect(first.state == second.state)
        #expect(first.performed == second.performed)
    }

    @Test(arguments: [
        (#"{"prot": 1}"#, "did you mean 'port'"), (#"{"port": 0}"#, "from 1 to 65535"), (#"{"path": "relative"}"#, "absolute"),
        (#"{"health_url": "ftp://x"}"#, "http or https"), (#"{"canary_seconds": 5}"#, "a canary needs"),
        (#"{"approval": "yes"}"#, "true or false"),
        (#"{"environment": {"A": "b"}}"#, "give start_command"),
    ])
    func saysWhatIsWrongInTheConfiguration(parameters: String, message: String) throws {
        let action = BotConfiguration.Action(name: "e", type: "deploy.directory", parameters: try JSONValue.parse(parameters))
        #expect(configurationError([action])?.description.contains(message) == true)
    }

    @Test func refusesImpossibleChains() {
        func action(_ name: String, next: String? = nil, type: String = "deploy.directory") -> BotConfiguration.Action {
            BotConfiguration.Action(name: name, type: type, onSuccess: next)
        }
        #expect(configurationError([action("a", next: "b")])?.message.contains("no environment 'b'") == true)
        #expect(configurationError([action("a", next: "b"), action("b", next: "a")])?.message.contains("round for ever") == true)
        #expect(configurationError([action("a"), action("a")])?.message.contains("twice") == true)
        #expect(configurationError([action("../a")])?.path == "actions[0].name")
        #expect(configurationError([action("a", type: "execute")])?.path == "actions[0].type")
        #expect(configurationError([]) == nil)
    }

    private func configurationError(_ actions: [BotConfiguration.Action]) -> ConfigurationError? {
        do throws(ConfigurationError) {
            _ = try DeployBot(configuration: BotConfiguration(name: "DeployBot", actions: actions))
            return nil
        } catch {
            return error
        }
    }
}
