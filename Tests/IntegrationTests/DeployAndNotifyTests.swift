import Envelopes
import FoundationEssentials
import Glibc
import LoopbackPorts
import MeshTesting
import Testing

/// DeployBot and NotificationBot as processes, on a real broker, with real services and a server that plays Slack.
@Suite(.serialized) struct DeployAndNotifyTests {
    /// Commits, short as the notifications show them.
    private static let (c1, c2, c3, c4) = ("aaaaaaa1", "aaaaaaa2", "aaaaaaa3", "aaaaaaa4")

    @Test func deploysApprovesTakesBackAndTellsOfIt() async throws {
        let slack = TestHTTPServer { _ in .init(200, body: "ok") }
        let (staging, production) = (Int(try FreePort.choose()), Int(try FreePort.choose()))
        let mesh = try await MeshUnderTest.start(
            bots: ["DeployBot", "NotificationBot"],
            configuration: [
                "DeployBot.yaml": Self.deployBot(staging: staging, production: production),
                "NotificationBot.yaml": Self.notificationBot(slack: slack.url),
            ])
        do {
            try await story(mesh, slack, staging, production)
        } catch {
            Issue.record("\(error)\n\(mesh.output.suffix(6000))")
        }
        try await mesh.stop(directoryIsNeeded: true)
        let down = try await mesh.mesh("down")
        #expect(down.status == .exited(0), "\(down.text)")
        #expect(down.text.contains("stopped: production, staging"), "\(down.text)")
        try FileManager.default.removeItem(atPath: mesh.directory)
    }

    /// DeployBot is killed while it watches a canary: its successor ends what it finds, repeats the step, and the deploy completes once.
    @Test func aKilledDeployBotsDeployIsTakenOver() async throws {
        let (staging, production) = (Int(try FreePort.choose()), Int(try FreePort.choose()))
        let mesh = try await MeshUnderTest.start(
            bots: ["DeployBot"],
            configuration: ["DeployBot.yaml": Self.deployBot(staging: staging, production: production, canarySeconds: 20)])
        do {
            try await request(mesh, Self.c1, try await Self.artifact(mesh, "v1"))
            let note = mesh.directory + "/data/services/staging.trial.json"
            try await eventually("a canary to run", within: .seconds(120)) { FileManager.default.fileExists(atPath: note) }
            for pid in mesh.processes(of: "DeployBot-1") { kill(pid, SIGKILL) }
            let completed = try await mesh.event("deploy.completed", within: .seconds(120)) { $0.text("environment") == "staging" }
            #expect(try await Self.ask(staging) == "v1")
            #expect(!FileManager.default.fileExists(atPath: note))
            // What follows from the deploy stands behind it: had there been a second one, it would be here.
            _ = try await mesh.event("deploy.requested") { $0.text("environment") == "production" }
            #expect(try mesh.log.events(of: "deploy.completed").map(\.envelope.id) == [completed.envelope.id])
            #expect(try mesh.log.events(of: "deploy.started").count == 1)
            #expect(try mesh.log.events(of: "deploy.failed").isEmpty)
        } catch {
            Issue.record("\(error)\n\(mesh.output.suffix(6000))")
        }
        try await mesh.stop(directoryIsNeeded: true)
        #expect(try await mesh.mesh("down").text.contains("stopped: staging"))
        try FileManager.default.removeItem(atPath: mesh.directory)
    }

    private func story(_ mesh: MeshUnderTest, _ slack: TestHTTPServer, _ staging: Int, _ production: Int) async throws {
        // Staging goes by itself.
        try await request(mesh, Self.c1, try await Self.artifact(mesh, "v1"))
        let first = try await mesh.event("deploy.completed") { $0.text("commit") == Self.c1 && $0.text("environment") == "staging" }
        #expect(try await Self.ask(staging) == "v1")
        #expect(first.payload["health_urls"]?.array == [.string("http://127.0.0.1:\(staging)/health")])

        // Production waits for a person, who is told how.
        let asked = try await mesh.event("notification.requested") { $0.text("environment") == "production" }
        let waiting = try await mesh.event("deploy.requested") { $0.text("environment") == "production" }
        let id = RunID.derived(event: waiting.envelope.id, bot: "DeployBot", replay: nil)
        #expect(asked.text("text")?.contains("mesh approve \(id)") == true)
        let approval = try await mesh.mesh("approve", id)
        #expect(approval.status == .exited(0), "\(approval.text)")
        let live = try await mesh.event("deploy.completed") { $0.text("environment") == "production" }
        #expect(live.text("deploy_id") == id)
        #expect(try await Self.ask(production) == "v1")

        // What is healthy nowhere never goes live.
        try await request(mesh, Self.c2, try await Self.artifact(mesh, "v2", health: "503"))
        let failed = try await mesh.event("deploy.failed") { $0.text("commit") == Self.c2 }
        #expect(failed.text("stage") == "trial" && failed.payload["rolled_back"]?.bool == false)
        #expect(try await Self.ask(staging) == "v1")

        // What is bad only on the live port is taken back.
        try await request(
            mesh, Self.c3, try await Self.artifact(mesh, "v3", health: "200 if self.server.server_port != \(staging) else 500"))
        let back = try await mesh.event("deploy.rolled_back") { $0.text("from_commit") == Self.c3 }
        #expect(back.text("to_commit") == Self.c1)
        #expect(try await mesh.event("deploy.failed") { $0.text("commit") == Self.c3 }.payload["rolled_back"]?.bool == true)
        try await eventually { try await Self.ask(staging) == "v1" }

        // A person goes back by hand.
        try await request(mesh, Self.c4, try await Self.artifact(mesh, "v4"))
        _ = try await mesh.event("deploy.completed") { $0.text("commit") == Self.c4 }
        #expect(try await Self.ask(staging) == "v4")
        let rollback = try await mesh.mesh("rollback", "staging", "--reason", "wrong colours")
        #expect(rollback.status == .exited(0), "\(rollback.text)")
        let byHand = try await mesh.event("deploy.rolled_back") { $0.text("from_commit") == Self.c4 }
        #expect(byHand.text("to_commit") == Self.c1 && byHand.text("reason") == "wrong colours")
        #expect(try await Self.ask(staging) == "v1")

        // All of it was told, once on each channel, and no secret stands in any record.
        _ = try await mesh.event("notification.sent") {
            $0.text("channel") == "slack" && $0.text("title")?.contains("went back from \(Self.c4)") == true
        }
        let sent = try mesh.log.events(of: "notification.sent")
        for title in [
            "Deployed shop@\(Self.c1) (main) to staging", "Deploy failed: shop@\(Self.c2) (main) to staging at trial",
            "Approve shop@\(Self.c1) for production?",
        ] {
            let channels = sent.filter { $0.text("title")?.hasPrefix(title) == true }.compactMap { $0.text("channel") }
            #expect(channels.sorted() == ["console", "slack"], "\(title): \(channels)")
        }
        let told = slack.requests.compactMap { try? JSONValue.parse($0.body)["text"]?.string }
        #expect(told.count { $0.hasPrefix("staging went back from \(Self.c4) to \(Self.c1)\nwrong colours") } == 1, "\(told)")
        try await eventually("the console to tell of the third", within: .seconds(120)) {
            let lines = try String(contentsOfFile: mesh.directory + "/data/notifications.log", encoding: .utf8)
            return lines.contains("CRITICAL Deploy failed: shop@\(Self.c3) (main) to staging at verify")
        }
        for topic in ["mesh.audit", "state.notificationbot", "inbox.notificationbot"] {
            for record in try mesh.log.records(of: topic) {
                #expect(!String(decoding: record.value ?? [], as: UTF8.self).contains("hush"), "\(topic)")
            }
        }
        #expect(try mesh.log.records(of: "mesh.dlq").isEmpty)
        #expect(try mesh.log.events(of: "notification.failed").isEmpty)
    }

    private func request(_ mesh: MeshUnderTest, _ commit: String, _ artifact: String) async throws {
        try await mesh.produce(
            "deploy.requested", key: "staging",
            """
            {"payload": {"environment": "staging", "repository": "file:///repositories/shop.git", "commit": "\(commit)", "branch": "main", \
            "artifact": \(artifact), "requested_by": "ann"}}
            """)
    }

    /// Packs a service that answers with `version`, into the mesh's store; gives the reference as JSON.
    private static func artifact(_ mesh: MeshUnderTest, _ version: String, health: String = "200") async throws -> String {
        let script = """
            import hashlib, io, json, os, sys, tarfile
            store, version, health = sys.argv[1:]
            program = f'''
            import os
            from http.server import BaseHTTPRequestHandler, HTTPServer
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self):
                    body = b"{version}"
                    self.send_response(({health}) if self.path == "/health" else 200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
            HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
            '''.encode()
            os.makedirs(store, exist_ok=True)
            path = os.path.join(store, version + ".tar.gz")
            with tarfile.open(path, "w:gz") as archive:
                entry = tarfile.TarInfo("serve.py")
                entry.size = len(program)
                archive.addfile(entry, io.BytesIO(program))
            data = open(path, "rb").read()
            print(json.dumps({"url": "file://" + path, "sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data), "format": "tar.gz"}))
            """
        let answer = try await Programs.run(
            "/usr/bin/python3", ["-c", script, mesh.directory + "/data/artifacts", version, health],
            log: "\(mesh.directory)/pack-\(version).log")
        guard answer.status == .exited(0) else { throw MeshUnderTest.NotStarted(description: "packing failed: \(answer.text)") }
        return answer.text
    }

    private static func ask(_ port: Int) async throws -> String {
        let log = "\(FileManager.default.temporaryDirectory.path)/mesh-ask-\(UInt32.random(in: 0 ... .max)).log"
        defer { unlink(log) }
        let script = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode())"
        return try await Programs.run("/usr/bin/python3", ["-c", script, "http://127.0.0.1:\(port)/"], log: log).text
    }

    private static func deployBot(staging: Int, production: Int, canarySeconds: Int = 0) -> String {
        func environment(_ port: Int) -> String {
            "start_command: [python3, serve.py], port: \(port), health_url: \"http://127.0.0.1:\(port)/health\", health_timeout: 25, stop_timeout: 2"
        }
        return """
            bot: { name: DeployBot, version: "1.0.0", enabled: true, description: deploys, category: operations }
            triggers:
              - { type: event, pattern: deploy.requested }
              - { type: event, pattern: deploy.approved }
              - { type: event, pattern: deploy.rejected }
              - { type: event, pattern: deploy.rollback_requested }
            actions:
              - name: staging
                type: deploy.directory
                parameters: { \(environment(staging)), canary_seconds: \(canarySeconds) }
                on_success: production
              - name: production
                type: deploy.directory
                parameters: { approval: true, \(environment(production)) }
            """
    }

    private static func notificationBot(slack: String) -> String {
        """
        bot: { name: NotificationBot, version: "1.0.0", enabled: true, description: tells, category: operations }
        triggers:
          - { type: event, pattern: "#" }
        actions:
          - { name: console, type: notify.console }
          - name: slack
            type: notify.slack
            parameters: { url: "\(slack)/hush", allowed_private_hosts: [127.0.0.1], rate_per_minute: 6000 }
        notifications:
          - { event: "deploy.*", channels: [console, slack], severity: critical }
          - { event: notification.requested, channels: [console, slack] }
        """
    }
}
