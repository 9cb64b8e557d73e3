import FoundationEssentials
import Kafka
import LocalBroker
import MeshTesting
import Testing

/// `mesh topics` as an operator runs it.
@Suite struct TopicsCommandTests {
    @Test func aBrokerIsMadeToMatchTheCatalogue() async throws {
        let broker = try await DedicatedThread.run(name: "broker") { try BrokerFixture.makeLocal() }
        defer { broker.kill() }
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FileManager.default.createDirectory(atPath: "\(directory)/bots", withIntermediateDirectories: true)
        func topics(_ arguments: String...) async throws -> Programs.Answer {
            try await Programs.run(
                try Programs.mesh,
                ["topics"] + arguments + [
                    "--brokers", broker.bootstrapServers, "--data-dir", directory, "--config-dir", "\(directory)/bots",
                ],
                log: "\(directory)/log")
        }

        let before = try await topics("diff")
        #expect(before.status == .exited(1), "\(before.text)")
        #expect(before.text.contains("+ build.completed"))
        let applied = try await topics("apply")
        #expect(applied.status == .exited(0), "\(applied.text)")
        let after = try await topics("diff")
        #expect(after.status == .exited(0), "\(after.text)")
        #expect(after.text == "the broker's topics are those of the catalogue\n")
        let list = try await topics("list")
        #expect(list.status == .exited(0))
        #expect(list.text.contains("mesh.dlq"))
    }

    @Test func withoutABrokerItSaysSo() async throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FileManager.default.createDirectory(atPath: "\(directory)/bots", withIntermediateDirectories: true)
        let answer = try await Programs.run(
            try Programs.mesh, ["topics", "diff", "--data-dir", directory, "--config-dir", "\(directory)/bots"], log: "\(directory)/log")
        #expect(answer.status == .exited(3))
        #expect(answer.text.contains("mesh up"))
    }

    @Test func theReferenceIsTheShippedDocument() async throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let answer = try await Programs.run(try Programs.mesh, ["topics", "reference"], log: "\(directory)/log")
        #expect(answer.text == (try String(contentsOfFile: Programs.root + "/docs/events.md", encoding: .utf8)))
    }

    @Test func theGraphIsDrawnFromTheContracts() async throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let answer = try await Programs.run(try Programs.mesh, ["graph"], log: "\(directory)/log")
        #expect(answer.status == .exited(0), "\(answer.text)")
        #expect(answer.text.hasPrefix("flowchart LR\n"))
        #expect(answer.text.contains("    BuildBot -->|build.completed| TestBot\n"))
    }
}
