import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import LocalBroker
import MeshTesting
import Testing

/// `mesh chaos` against a mesh that works.
@Suite(.serialized) struct MeshChaosTests {
    private func summary(_ answer: Programs.Answer) throws -> JSONValue {
        let last = try #require(answer.text.split(separator: "\n").last { $0.contains("\"summary\"") }, "\(answer)")
        return try JSONValue.parse(Array(last.utf8))
    }

    /// The state of a process, as `ps` shows it; nil when it is gone.
    private func processState(_ pid: Int32) -> Character? {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return nil }
        return String(decoding: data, as: UTF8.self).split(separator: ")").last?.drop { $0 == " " }.first
    }

    @Test func killedAndFrozenInstancesAreBackAndNothingIsLostOrWrittenTwice() async throws {
        let mesh = try await MeshUnderTest.start(replicas: ["CountBot=2"], configuration: ["CountBot.yaml": CostReports.countBot])
        // No more than two instrumented bots catch up with soon: the command waits until there is as little lag as before.
        let load = CostReports(mesh.settings, of: 10)
        try await eventually("the bots to work", within: .seconds(120)) { try mesh.log.events(of: "notification.requested").count > 100 }

        let killed = try await mesh.mesh(
            "chaos", "kill", "CountBot", "--every", "20s", "--duration", "21s", "--settle", "90s", "--seed", "4", "--format", "json",
            timeout: .seconds(180))
        #expect(killed.status == .exited(0), "\(killed)")
        let kills = try summary(killed)
        #expect(kills["faults"]?.integer == 2)
        #expect(kills["restarts"]?.integer == 2)
        #expect(kills["written_twice"]?.integer == 0)
        #expect(kills["not_back"]?.array?.isEmpty == true)

        let frozen = try await mesh.mesh(
            "chaos", "freeze", "CountBot/1", "--for", "8s", "--every", "20s", "--duration", "1s", "--settle", "90s", "--format", "json",
            timeout: .seconds(180))
        #expect(frozen.status == .exited(0), "\(frozen)")
        let freezes = try summary(frozen)
        #expect(freezes["faults"]?.integer == 1)
        #expect(freezes["written_twice"]?.integer == 0)
        #expect(freezes["return_seconds"]?.array?.count == 1)

        let sent = try await load.stop()
        try await eventually("all to be handled", within: .seconds(120)) {
            try mesh.log.events(of: "notification.requested").count >= sent
        }
        #expect(try Set(mesh.log.events(of: "notification.requested").map(\.envelope.id)).count == sent)
        #expect(try mesh.log.events(of: "notification.requested").count == sent)
        #expect(try mesh.log.records(of: "mesh.dlq").isEmpty)
        #expect(try await mesh.stop() == .exited(0))
    }

    @Test func whatIsFrozenIsLetGoAlsoWhenTheCommandIsKilled() async throws {
        let mesh = try await MeshUnderTest.start(configuration: ["CountBot.yaml": CostReports.countBot])
        for signal in [ChildProcess.Signal.interrupt, .kill] {
            let bot = try #require(mesh.processes(of: "CountBot-1").first)
            let command = try ChildProcess.spawn(
                ChildProcess.Launch(
                    program: try Programs.mesh,
                    arguments: ["chaos", "freeze", "CountBot", "--for", "10m", "--data-dir", mesh.directory + "/data"],
                    environment: Programs.environment, output: .file(mesh.directory + "/chaos.log")))
            defer { command.signal(.kill) }
            try await eventually("the bot to be frozen", within: .seconds(120)) { processState(bot) == "T" }
            command.signal(signal)
            try await eventually("the command to end", within: .seconds(120)) { command.exitStatus != nil }
            #expect(command.exitStatus == (signal == .interrupt ? .exited(130) : .signalled(9)))
            try await eventually("the bot to be let go", within: .seconds(120)) { processState(bot).map { $0 != "T" } ?? false }
        }
        #expect(try await mesh.mesh("chaos", "kill", "CountBt").status == .exited(2))
        #expect(try await mesh.mesh("chaos", "kill", "CountBot", "--every", "3").status == .exited(2))
        #expect(try await mesh.stop() == .exited(0))
    }
}
