import Envelopes
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
        let missing = try await topics("describe", "build.completed")
        #expect(missing.status == .exited(1) && missing.text.contains("the broker has no such topic"), "\(missing.text)")
        let steps = try await topics("diff", "--format", "json")
        #expect(steps.status == .exited(1))
        #expect(try objects(steps.text).allSatisfy { $0["action"] == "create" && $0["loses_records"] == false })
        let applied = try await topics("apply")
        #expect(applied.status == .exited(0), "\(applied.text)")
        let after = try await topics("diff")
        #expect(after.status == .exited(0), "\(after.text)")
        #expect(after.text == "the broker's topics are those of the catalogue\n")
        let list = try await topics("list")
        #expect(list.status == .exited(0))
        #expect(list.text.contains("mesh.dlq"))
        let described = try await topics("describe", "build.completed", "--format", "json")
        #expect(described.status == .exited(0), "\(described.text)")
        let topic = try #require(try objects(described.text).first)
        #expect(topic["partitions"]?.array?.count == 6 && topic["partitions"]?.array?.first?["leader"] == 1)
        #expect(topic["missing_at_broker"] == false && topic["differences"] == [])
        let mistyped = try await topics("describe", "build.complet")
        #expect(mistyped.status == .exited(2) && mistyped.text.contains("did you mean 'build.completed'?"), "\(mistyped.text)")
    }

    /// One JSON object a line.
    private func objects(_ text: String) throws -> [JSONValue] {
        try text.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
    }

    @Test func theCatalogueIsToldToProgramsAndToKubernetes() async throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let json = try await Programs.run(try Programs.mesh, ["topics", "list", "--format", "json"], log: "\(directory)/log")
        let topics = try objects(json.text)
        #expect(topics.contains { $0["topic"] == "mesh.dlq" && $0["max_bytes"] == .integer(16 << 20) })
        let manifests = try await Programs.run(try Programs.mesh, ["topics", "list", "--format", "strimzi"], log: "\(directory)/log")
        #expect(manifests.text.split(separator: "\n").filter { $0 == "kind: KafkaTopic" }.count == topics.count)
    }

    @Test func contractsAreCheckedAndPrinted() async throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        func mesh(_ arguments: String...) async throws -> Programs.Answer {
            try await Programs.run(try Programs.mesh, arguments, log: "\(directory)/log")
        }
        // Production names variables of the environment; looking at it needs none of them.
        for environment in ["development", "staging", "production"] {
            let check = try await mesh("contract", "check", "--env", environment)
            #expect(check.status == .exited(0), "\(check.text)")
        }
        let printed = try await mesh("contract", "print", "BuildBot", "--format", "json")
        let bot = try #require(try objects(printed.text).first)
        #expect(bot["name"] == "BuildBot" && bot["group"] == "BuildBot" && bot["produces"]?.array?.contains("build.completed") == true)
        let unknown = try await mesh("contract", "print", "BuildBto")
        #expect(unknown.status == .exited(2) && unknown.text.contains("did you mean 'BuildBot'?"))
        let rules = try await mesh("acl", "print", "TestBot", "--format", "json")
        #expect(try objects(rules.text).allSatisfy { $0["principal"] == "User:TestBot" && $0["permission"] == "allow" })
        let arrows = try await mesh("graph", "--format", "json")
        #expect(try objects(arrows.text).contains { $0["from"] == "BuildBot" && $0["to"] == "TestBot" })
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
