import Envelopes
import FoundationEssentials
import Glibc
import LocalBroker
import MeshTesting
import Synchronization
import Testing

/// SecurityBot and MonitorBot as processes, on a real broker.
@Suite(.serialized) struct SecurityAndMonitorTests {
    /// Put together here, so that no scanner takes this file's text for a secret.
    private static let secret = "ghp_" + "a8Kd93jLmQ0x7VbN2rTz5WyEuI1oPsFgHc4J"

    private static let pipeline = """
        build:
          - name: copy
            command: sh -c 'mkdir -p out; cp -r app.py *.txt out/ || cp app.py out/'
        """

    private func run(_ mesh: MeshUnderTest, _ story: () async throws -> Void) async throws {
        do {
            try await story()
        } catch {
            Issue.record("\(error)\n\(mesh.output.suffix(6000))")
        }
        #expect(try await mesh.stop() == .exited(0))
    }

    @Test func aCommitWithASecretDoesNotPass() async throws {
        let repository = try await TestRepository(["app.py": "print('hello')\n", ".botmesh.yaml": Self.pipeline])
        let clean = try await repository.commit("Say hello")
        let mesh = try await MeshUnderTest.start(bots: ["BuildBot", "TestBot", "SecurityBot"])
        try await run(mesh) {
            try await commit(mesh, repository, clean)
            let passed = try await mesh.event("security.scan_completed", within: .seconds(120)) { $0.text("commit") == clean }
            #expect(passed.text("verdict") == "pass" && passed.payload["reasons"]?.array == [], "\(passed.payload.jsonText)")
            #expect(passed.text("build_id") != nil && passed.payload["artifact"]?["sha256"]?.string != nil)
            for field in ["sarif_url", "sbom_url"] {
                let path = try #require(passed.text(field)?.dropFirst("file://".count))
                #expect(try JSONValue.parse(Array(try Data(contentsOf: URL(filePath: String(path))))).object != nil, "\(field)")
            }
            try await eventually("its start", within: .seconds(120)) { try mesh.log.events(of: "security.scan_started").count == 1 }

            try Data("token = '\(Self.secret)'\n".utf8).write(to: URL(filePath: "\(repository.path)/app.py"))
            try Data("PyYAML==5.3\n".utf8).write(to: URL(filePath: "\(repository.path)/requirements.txt"))
            let leaking = try await repository.commit("Add a token")
            try await commit(mesh, repository, leaking)
            let refused = try await mesh.event("security.scan_completed", within: .seconds(120)) { $0.text("commit") == leaking }
            #expect(refused.text("verdict") == "fail")
            #expect(refused.payload["reasons"]?.array?.count == 2, "\(refused.payload.jsonText)")
            let secrets = try await mesh.event("security.secrets_found")
            #expect(secrets.payload["secrets"]?.array?.first?["rule"]?.string == "github-token", "\(secrets.payload.jsonText)")
            let known = try await mesh.event("security.vulnerabilities_found")
            #expect(known.payload["vulnerabilities"]?.array?.first?["id"]?.string == "GHSA-8q59-q68h-6hv4")
            #expect(secrets.envelope.priority == .high && secrets.envelope.correlationID == refused.envelope.correlationID)
            for topic in ["security.secrets_found", "security.scan_completed", "security.log", "mesh.audit", "mesh.dlq"] {
                for record in try mesh.log.records(of: topic) {
                    #expect(!String(decoding: record.value ?? [], as: UTF8.self).contains(Self.secret), "the secret stands on \(topic)")
                }
            }
        }
    }

    private func commit(_ mesh: MeshUnderTest, _ repository: TestRepository, _ commit: String) async throws {
        try await mesh.produce(
            "code.committed", #"{"payload": {"repository": "\#(repository.url)", "commit": "\#(commit)", "branch": "main"}}"#)
    }

    @Test func aDeployIsWatchedAndAlertsTakeTurns() async throws {
        let isWell = Mutex(true)
        let latency = Mutex(0.1)
        let server = TestHTTPServer { request in
            if request.target == "/metrics" { return TestHTTPServer.Response(200, body: "latency_seconds \(latency.withLock { $0 })\n") }
            return TestHTTPServer.Response(isWell.withLock { $0 } ? 200 : 503)
        }
        let mesh = try await MeshUnderTest.start(bots: ["MonitorBot"], configuration: ["MonitorBot.yaml": Self.monitorBot(server.url)])
        try await run(mesh) {
            try await deploy(mesh, "deploy-1", server.url)
            let clear = try await mesh.event("monitor.health_check_passed") { $0.payload["all_clear"]?.bool == true }
            #expect(clear.text("deploy_id") == "deploy-1" && clear.text("environment") == "staging")
            #expect(clear.text("check") == "staging-health")

            // The watch outlives its watcher: what it remembers and when it asks next stand in Kafka.
            let watchers = mesh.processes(of: "MonitorBot-1")
            #expect(!watchers.isEmpty)
            for pid in watchers { kill(pid, SIGKILL) }
            isWell.withLock { $0 = false }
            let raised = try await mesh.event("alert.triggered") { $0.text("alert_name") == "staging-health" }
            #expect(raised.text("severity") == "critical" && raised.record.key == Array("staging-health/staging".utf8))
            // One more question after the alert, so that a second alert would have been written.
            let failures = try mesh.log.events(of: "monitor.health_check_failed").count
            try await eventually("more failures", within: .seconds(120)) {
                try mesh.log.events(of: "monitor.health_check_failed").count > failures + 1
            }
            isWell.withLock { $0 = true }
            let resolved = try await mesh.event("alert.resolved") { $0.text("alert_name") == "staging-health" }
            #expect(resolved.text("alert_id") == raised.text("alert_id"))
            #expect(try mesh.log.events(of: "alert.triggered").count(where: { $0.text("alert_name") == "staging-health" }) == 1)

            latency.withLock { $0 = 2 }
            try await fire(mesh)
            let slow = try await mesh.event("alert.triggered") { $0.text("alert_name") == "slow" }
            #expect(slow.payload["value"]?.number == 2 && slow.payload["threshold"]?.number == 1)
            latency.withLock { $0 = 0.7 }
            try await fire(mesh)
            _ = try await mesh.event("monitor.metrics_collected") { $0.payload["metrics"]?["latency_seconds"]?.number == 0.7 }
            latency.withLock { $0 = 0.2 }
            try await fire(mesh)
            _ = try await mesh.event("alert.resolved") { $0.text("alert_name") == "slow" }

            // A newer deploy whose address the configuration does not allow is told of, and not asked.
            try await deploy(mesh, "deploy-2", "http://169.254.169.254")
            let refused = try await mesh.event("monitor.health_check_failed") { $0.text("deploy_id") == "deploy-2" }
            #expect(refused.text("reason")?.contains("allowed_hosts") == true, "\(refused.payload.jsonText)")
            #expect(try mesh.log.records(of: "mesh.dlq").isEmpty)
        }
    }

    private func fire(_ mesh: MeshUnderTest) async throws {
        try await mesh.produce(
            "schedule.fired", key: "MonitorBot",
            #"{"payload": {"bot": "MonitorBot", "schedule": "0 0 1 1 *", "fired_at": "2026-01-01T00:00:00.000Z"}}"#)
    }

    private func deploy(_ mesh: MeshUnderTest, _ id: String, _ url: String) async throws {
        let artifact =
            #"{"url": "file:///a.tar.gz", "sha256": "\#(String(repeating: "a", count: 64))", "size_bytes": 1, "format": "tar.gz"}"#
        try await mesh.produce(
            "deploy.completed", key: "staging",
            """
            {"payload": {"deploy_id": "\(id)", "environment": "staging", "repository": "file:///shop", "commit": "abcdef1", \
            "strategy": "blue-green", "artifact": \(artifact), "release": "r", "health_urls": ["\(url)/health"], "duration_seconds": 1}}
            """)
    }

    private static func monitorBot(_ url: String) -> String {
        """
        bot: { name: MonitorBot, version: "1.0.0", category: operations }
        triggers:
          - { type: event, pattern: deploy.completed }
          - { type: schedule, pattern: "0 0 1 1 *" }
        actions:
          - name: after_a_deploy
            type: monitor.health
            parameters:
              interval: 1
              duration: 2
              steady_interval: 1
              failures_to_raise: 2
              successes_to_clear: 2
              timeout: 20
              allowed_hosts: [127.0.0.1]
          - name: shop
            type: monitor.metrics
            parameters:
              url: \(url)/metrics
              environment: staging
              thresholds:
                - { alert_name: slow, metric: latency_seconds, above: 1, clear: 0.5, severity: warning }
        """
    }
}
