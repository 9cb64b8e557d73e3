import BotKit
import Calls
import Envelopes
import FoundationEssentials
import Glibc
import MeshTesting
import Testing

@Suite struct DirectoryDeployTests {
    @Test func filesGoLiveInOneStepAndBack() async throws {
        let fixture = try await DeployFixture()
        let target = DirectoryTarget(
            environment: "staging", smokeCommand: ["/bin/sh", "-c", "grep -q good page && echo \"$RELEASE is fine\""], keptReleases: 2)
        for version in ["one", "two", "three"] {
            let artifact = try await fixture.artifact(["page": "good \(version)"])
            #expect(try await fixture.prepare(version, target, artifact).passed)
            #expect(try await fixture.switch(version, target).previousRelease == ["two": "one", "three": "two"][version])
            #expect(try await fixture.verify(version, target).passed)
            #expect(try fixture.scratch.read("\(fixture.environmentPath())/current/page") == "good \(version)")
        }
        // Only as many are kept as asked for.
        #expect(!fixture.scratch.exists("\(fixture.environmentPath())/releases/one"))
        #expect(try await fixture.revert("three", to: "two", target).passed)
        #expect(try fixture.scratch.read("\(fixture.environmentPath())/current/page") == "good two")
        #expect(await callFailure { try await fixture.revert("two", to: "one", target) }?.code == "no-release")
        let history = try fixture.scratch.read("\(fixture.environmentPath())/history.json")
        let entries = try #require(try JSONValue.parse(history).array)
        #expect(entries.map { $0["deploy_id"]?.string } == ["one", "two", "three", "three"])
        #expect(entries.map { $0["change"]?.string } == ["live", "live", "live", "rolled_back"])
        #expect(entries[0]["commit"]?.string == "c-one" && entries[0]["at"]?.string == "2026-01-01T00:00:00.000Z")
    }

    @Test func repeatsChangeNothing() async throws {
        let fixture = try await DeployFixture()
        let target = DirectoryTarget(environment: "staging")
        let (one, two) = (try await fixture.artifact(["page": "1"]), try await fixture.artifact(["page": "2"]))
        for (id, artifact) in [("one", one), ("two", two)] {
            for _ in 0..<2 {
                #expect(try await fixture.prepare(id, target, artifact).passed)
                let previous = try await fixture.switch(id, target).previousRelease
                #expect(previous == (id == "two" ? "one" : nil))
            }
        }
        for _ in 0..<2 { #expect(try await fixture.revert("two", to: nil, target).passed) }
        #expect(!fixture.scratch.exists("\(fixture.environmentPath())/current"))
        let entries = try #require(try JSONValue.parse(fixture.scratch.read("\(fixture.environmentPath())/history.json")).array)
        #expect(entries.count == 3)
    }

    @Test func aHalfUnpackedReleaseIsBegunAnew() async throws {
        let fixture = try await DeployFixture()
        let target = DirectoryTarget(environment: "staging")
        try fixture.scratch.write("\(fixture.environmentPath())/releases/.one.partial/left", "over")
        #expect(try await fixture.prepare("one", target, try await fixture.artifact(["page": "1"])).passed)
        #expect(!fixture.scratch.exists("\(fixture.environmentPath())/releases/one/left"))
        #expect(fixture.scratch.exists("\(fixture.environmentPath())/releases/one/page"))
    }

    @Test func refusesASpoiltArtifactABadNameAndAFailingSmokeTest() async throws {
        let fixture = try await DeployFixture()
        let target = DirectoryTarget(environment: "staging", smokeCommand: ["/bin/sh", "-c", "echo broken; exit 3"])
        var artifact = try await fixture.artifact(["page": "1"])
        let report = try await fixture.prepare("one", target, artifact)
        #expect(!report.passed && report.outputTail == ["broken"])
        #expect(report.reason?.contains("before the switch failed: exit status 3") == true)
        for name in ["../up", "a/b", "", ".hidden"] {
            #expect(await callFailure { try await fixture.prepare(name, target, artifact) }?.code == "bad-release-name")
        }
        artifact.sha256 = String(repeating: "0", count: 64)
        #expect(await callFailure { try await fixture.prepare("two", target, artifact) }?.code == "digest-mismatch")
        #expect(!fixture.scratch.exists("\(fixture.environmentPath())/releases/two"))
        #expect(await callFailure { try await fixture.switch("two", target) }?.code == "no-release")
    }

    @Test func oneEnvironmentIsWorkedOnByOneProcessAtATime() async throws {
        let fixture = try await DeployFixture()
        let slow = DirectoryTarget(
            environment: "staging", smokeCommand: ["/bin/sh", "-c", "touch begun; while [ -e begun ]; do sleep 0.05; done"])
        let artifact = try await fixture.artifact(["page": "1"])
        let first = Task { try await fixture.prepare("one", slow, artifact).passed }
        let mark = "\(fixture.environmentPath())/releases/one/begun"
        try await eventually { fixture.scratch.exists(mark) }
        let failure = await callFailure { try await fixture.switch("one", slow) }
        #expect(failure?.code == "environment-busy" && failure?.kind == .transient)
        try FileManager.default.removeItem(atPath: "\(fixture.scratch.path)/\(mark)")
        #expect(try await first.value)
    }

    @Test func aServiceIsTriedSwitchedAndTakenBack() async throws {
        let fixture = try await DeployFixture()
        let port = try DeployFixture.freePort()
        let smoke = [
            "python3", "-c", "import os,urllib.request as u; assert u.urlopen(os.environ['URL']).status == 200; print(os.environ['URL'])",
        ]
        let target = fixture.target(port: port, smoke: smoke)
        #expect(try await fixture.prepare("one", target, try await fixture.artifact(DeployFixture.server("v1"))).passed)
        let lines = LineBox()
        let context = CallContext(idempotencyKey: "k", runID: "r", correlationID: "c", log: { lines.append($0) })
        let trial = try await TryRelease(fixture.tools).perform(
            DeployTrial(deployID: "one", target: target, watch: .milliseconds(300)), context)
        #expect(trial.passed, "\(trial)")
        // The trial ran elsewhere, and is gone.
        #expect(lines.all.contains { $0.step == "smoke before the switch" && !$0.text.contains(":\(port)/") })
        #expect(ServiceRecord.all(dataDirectory: fixture.data).isEmpty)

        #expect(try await fixture.switch("one", target).previousRelease == nil)
        let verified = try await fixture.verify("one", target)
        #expect(verified.passed, "\(verified)")
        #expect(try await fixture.ask(port) == "v1 one False")
        let record = try #require(ServiceRecord.all(dataDirectory: fixture.data).first)
        #expect(record.name == "staging" && record.release == "one" && record.port == port && record.isAlive)
        // Again: the same process goes on.
        _ = try await fixture.switch("one", target)
        #expect(ServiceRecord.all(dataDirectory: fixture.data) == [record])

        // The next one is healthy nowhere: the trial finds it, and the live one is not touched.
        #expect(try await fixture.prepare("two", target, try await fixture.artifact(DeployFixture.server("v2", health: 503))).passed)
        var hasty = target
        hasty.health?.startTimeLimit = .milliseconds(600)
        let failed = try await TryRelease(fixture.tools).perform(DeployTrial(deployID: "two", target: hasty), fixture.context)
        #expect(!failed.passed && failed.reason?.hasPrefix("the trial instance: not healthy within") == true)
        #expect(try await fixture.ask(port) == "v1 one False")

        // Switched all the same, its check fails and it is taken back.
        #expect(try await fixture.switch("two", target).previousRelease == "one")
        #expect(try await !fixture.verify("two", hasty).passed)
        #expect(try await fixture.revert("two", to: "one", target).passed)
        #expect(try await fixture.ask(port) == "v1 one False")
        #expect(!record.isAlive)
        #expect(try await fixture.revert("one", to: nil, target).passed)
        #expect(ServiceRecord.all(dataDirectory: fixture.data).isEmpty)
        await #expect(throws: TransferError.self) { try await fixture.ask(port) }
    }

    @Test func aServiceThatEndsAtOnceIsReportedWithItsLastWords() async throws {
        let fixture = try await DeployFixture()
        var target = fixture.target(port: try DeployFixture.freePort())
        target.service?.command = ["/bin/sh", "-c", "echo no configuration; exit 1"]
        #expect(try await fixture.prepare("one", target, try await fixture.artifact(["page": "1"])).passed)
        let trial = try await TryRelease(fixture.tools).perform(DeployTrial(deployID: "one", target: target), fixture.context)
        #expect(!trial.passed && trial.outputTail == ["no configuration"])
        #expect(trial.reason == "the trial instance: the service ended by itself")
        target.health = nil
        _ = try await fixture.switch("one", target)
        try await eventually { try await !fixture.verify("one", target).passed }
    }

    @Test func aServiceDoesNotGoLiveBehindAnotherProcessOnItsPort() async throws {
        let fixture = try await DeployFixture()
        let other = TestHTTPServer { _ in .init(200, body: "healthy, and not ours") }
        let target = fixture.target(port: other.port)
        #expect(try await fixture.prepare("one", target, try await fixture.artifact(DeployFixture.server("1"))).passed)
        await #expect(throws: CallFailure.self) { try await fixture.switch("one", target) }
    }

    @Test func aServiceWhoseRecordWasLostIsFoundAndEnded() async throws {
        let fixture = try await DeployFixture()
        let port = try DeployFixture.freePort()
        let target = fixture.target(port: port)
        #expect(try await fixture.prepare("one", target, try await fixture.artifact(DeployFixture.server("v1"))).passed)
        _ = try await fixture.switch("one", target)
        #expect(try await fixture.verify("one", target).passed)
        let record = try #require(ServiceRecord.all(dataDirectory: fixture.data).first)
        // As if the bot had died between the start and the note of it.
        try FileManager.default.removeItem(atPath: "\(fixture.data)/services/staging.json")
        _ = try await fixture.switch("one", target)
        #expect(try await fixture.verify("one", target).passed)
        #expect(!record.isAlive)
        #expect(ServiceRecord.all(dataDirectory: fixture.data).count == 1)
    }

    @Test func aServiceThatEndsIsStartedAgainWithTheSameRelease() async throws {
        let fixture = try await DeployFixture(keepsServices: true)
        let port = try DeployFixture.freePort()
        let target = fixture.target(port: port)
        #expect(try await fixture.prepare("one", target, try await fixture.artifact(DeployFixture.server("v1"))).passed)
        _ = try await fixture.switch("one", target)
        #expect(try await fixture.verify("one", target).passed)
        let record = try #require(ServiceRecord.all(dataDirectory: fixture.data).first)
        kill(-record.process, SIGKILL)
        try await eventually("the service is back", within: .seconds(60)) {
            guard let again = ServiceRecord.all(dataDirectory: fixture.data).first, again.process != record.process else { return false }
            return again.isAlive && again.release == "one"
        }
        #expect(try await fixture.verify("one", target).passed)
        // Once it is not wanted any more it stays away.
        #expect(try await fixture.revert("one", to: nil, target).passed)
        #expect(ServiceRecord.all(dataDirectory: fixture.data).isEmpty)
    }

    @Test func anotherProcessOfTheSameNumberIsNotTheService() async throws {
        let text =
            #"{"name":"x","release":"r","pid":\#(getpid()),"start_ticks":1,"boot_id":"other","command":["x"],"path":"/x","variables":{}}"#
        let record = try JSONDecoder().decode(ServiceRecord.self, from: Data(text.utf8))
        #expect(!record.isAlive)
    }

    @Test func theHealthURLMovesWithThePort() {
        let health = HealthSettings(url: "http://localhost:8080/health?a=http://x:8080/")
        #expect(health.moved(from: 8080, to: 9)?.url == "http://localhost:9/health?a=http://x:8080/")
        #expect(health.moved(from: 80, to: 9) == nil)
        #expect(HealthSettings(url: "http://[::1]:80").moved(from: 80, to: 443)?.url == "http://[::1]:443")
        #expect(HealthSettings(url: "nonsense").moved(from: 80, to: 443) == nil)
    }
}
