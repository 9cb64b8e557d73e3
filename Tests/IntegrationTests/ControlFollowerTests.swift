import FoundationEssentials
import Kafka
import LocalBroker
import MeshTesting
import Testing

/// `mesh kubernetes follow` between `mesh.control` and a kubectl that only writes down what it is told.
@Suite struct ControlFollowerTests {
    private func want(_ wish: String, _ settings: ClientSettings) async throws {
        try await DedicatedThread.run(name: "control") {
            let producer = try Producer(settings)
            defer { producer.close(timeout: .seconds(5)) }
            let record = OutgoingRecord(topic: "mesh.control", key: Array("BuildBot".utf8), value: Array(wish.utf8))
            for delivery in try producer.sendAndWait([record], timeout: .seconds(120)) { if let error = delivery.error { throw error } }
        }
    }

    @Test func theClusterIsToldWhatIsWantedNowAndLater() async throws {
        let broker = try await DedicatedThread.run(name: "broker") { try BrokerFixture.makeLocal() }
        defer { broker.kill() }
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (calls, refusal) = ("\(directory)/calls", "\(directory)/refuse")
        let kubectl = """
            #!/bin/sh
            [ -e \(refusal) ] && { echo 'scaledobjects "buildbot" not found' >&2; exit 1; }
            echo "$*" >> \(calls)

            """
        try FileManager.default.createDirectory(atPath: "\(directory)/bin", withIntermediateDirectories: true)
        try Data(kubectl.utf8).write(to: URL(filePath: "\(directory)/bin/kubectl"))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(directory)/bin/kubectl")
        var environment = Programs.environment
        environment["PATH"] = "\(directory)/bin:" + (environment["PATH"] ?? "/usr/bin:/bin")
        let common = ["--brokers", broker.bootstrapServers, "--data-dir", directory]
        func mesh(_ words: String...) async throws -> Programs.Answer {
            try await Programs.run(try Programs.mesh, words + common, environment: environment, log: "\(directory)/log")
        }
        func told() -> [String] {
            ((try? String(contentsOfFile: calls, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
        }

        #expect(try await mesh("topics", "apply").status == .exited(0))
        // As mesh scale and mesh drain write it.
        try await want(#"{"bot":"BuildBot","replicas":3}"#, broker.settings)
        let once = try await mesh("kubernetes", "follow", "--once", "--namespace", "ci")
        #expect(once.status == .exited(0) && once.text == "BuildBot: 3 replicas\n", "\(once.text)")
        let line = "--namespace ci annotate scaledobject buildbot autoscaling.keda.sh/paused-replicas=3 --overwrite"
        #expect(told() == [line])

        try Data().write(to: URL(filePath: refusal))
        let refused = try await mesh("kubernetes", "follow", "--once", "--namespace", "ci")
        #expect(refused.status == .exited(1) && refused.text.contains("kubectl refused: scaledobjects"), "\(refused.text)")

        // It goes on: what was refused is tried again, and what is wanted later is told then.
        let follower = try ChildProcess.spawn(
            ChildProcess.Launch(
                program: try Programs.mesh, arguments: ["kubernetes", "follow", "--namespace", "ci"] + common, environment: environment,
                output: .file("\(directory)/follower")))
        defer { follower.signal(.kill) }
        try await eventually("the refusal is seen") {
            ((try? String(contentsOfFile: "\(directory)/follower", encoding: .utf8)) ?? "").contains("kubectl refused")
        }
        try FileManager.default.removeItem(atPath: refusal)
        try await eventually("it is told again") { told() == [line, line] }
        try await want(#"{"bot":"BuildBot","replicas":3,"state":"drained"}"#, broker.settings)
        try await eventually("none is left") { told().last?.contains("paused-replicas=0") == true }
        try await want(#"{"bot":"BuildBot"}"#, broker.settings)
        try await eventually("KEDA decides again") { told().last?.contains("paused-replicas- ") == true }
        follower.signal(.terminate)
        let status = try await DedicatedThread.run(name: "wait") { follower.wait(timeout: .seconds(120)) }
        #expect(status == .exited(0))
    }
}
