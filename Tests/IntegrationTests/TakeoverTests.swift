import Envelopes
import Glibc
import Kafka
import MeshTesting
import Testing

/// Two replicas share the work, and the death of one loses and doubles nothing.
@Suite struct TakeoverTests {
    @Test func aKilledBrokerIsStartedAgainAndTheMeshGoesOn() async throws {
        let mesh = try await MeshUnderTest.start(bots: ["BuildBot"])
        let repository = try await TestRepository([".botmesh.yaml": "build:\n  - command: echo built > out\n"])
        func build(_ message: String) async throws {
            let commit = try await repository.commit(message)
            try await mesh.produce(
                "code.committed", #"{"payload":{"repository":"\#(repository.url)","commit":"\#(commit)","branch":"main"}}"#)
            _ = try await mesh.event("build.completed", within: .seconds(120)) { $0.text("commit") == commit }
        }
        try await build("Before")
        let data = mesh.directory + "/data/broker/data"
        let text = try String(contentsOfFile: data + "/lock", encoding: .utf8)
        let pid = try #require(Int32(text.split(separator: "\n").first ?? ""))
        kill(pid, SIGKILL)
        try await eventually("mesh up to say that the broker is back", within: .seconds(120)) { mesh.output.contains(" again\n") }
        try await build("After")
        #expect(try await mesh.stop() == .exited(0))
    }

    @Test func aKilledReplicasBuildIsTakenOverAndCompletedOnce() async throws {
        let repository = try await TestRepository([
            "hello.txt": "hello\n",
            ".botmesh.yaml": """
            build:
              - name: slow
                command: sh -c 'sleep 2; cp hello.txt out.txt'
            """,
        ])
        var commits: [String] = []
        for number in 0..<6 { commits.append(try await repository.commit("Commit \(number)")) }
        let mesh = try await MeshUnderTest.start(bots: ["BuildBot"], replicas: ["BuildBot=2"])
        do {
            try await check(mesh, repository.url, commits)
        } catch {
            let output = mesh.output
            try await mesh.stop()
            throw MeshUnderTest.NotStarted(description: "\(error)\n\(output.suffix(6000))")
        }
        #expect(try await mesh.stop() == .exited(0))
    }

    private func check(_ mesh: MeshUnderTest, _ repository: String, _ commits: [String]) async throws {
        // One in each partition, so that both replicas have some.
        try await mesh.produce(
            commits.enumerated().map { index, commit in
                let text = #"{"payload": {"repository": "\#(repository)", "commit": "\#(commit)", "branch": "main"}}"#
                return OutgoingRecord(topic: "code.committed", partition: Int32(index), value: Array(text.utf8))
            })
        // In the middle of builds: each replica has two lanes, so with three under way both work.
        try await eventually("three builds run", within: .seconds(120)) { try mesh.log.events(of: "build.started").count >= 3 }
        #expect(!mesh.processes(of: "BuildBot-2").isEmpty)
        for pid in mesh.processes(of: "BuildBot-2") { kill(pid, SIGKILL) }

        try await eventually("all six commits are built", within: .seconds(120)) {
            Set(try mesh.log.events(of: "build.completed").compactMap { $0.text("commit") }) == Set(commits)
        }
        // A second round over the same partitions: when it is through, all that the first could still have written stands there.
        try await mesh.produce(
            (0..<6).map { index in
                let text =
                    #"{"payload": {"repository": "file:///nonexistent.git", "commit": "\#(index)123456789abcdef0123456789abcdef01234567"}}"#
                return OutgoingRecord(topic: "code.committed", partition: Int32(index), value: Array(text.utf8))
            })
        try await eventually("the second round is through", within: .seconds(120)) { try mesh.log.events(of: "build.failed").count >= 6 }
        let built = try mesh.log.events(of: "build.completed").compactMap { $0.text("commit") }
        #expect(built.count == 6)
        #expect(Set(built) == Set(commits))
        #expect(try mesh.log.events(of: "build.failed").count == 6)
        #expect(try mesh.log.events(of: "build.started").count(where: { $0.text("repository") == repository }) == 6)
        #expect(mesh.output.contains("restarted"))
    }
}
