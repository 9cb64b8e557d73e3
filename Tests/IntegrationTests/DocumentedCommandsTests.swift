import FoundationEssentials
import Kafka
import LoopbackPorts
import MeshTesting
import Testing

/// Every command block of the tutorial, the how-to pages and the explanations is run, in a copy of the repository, against a real mesh.
@Suite(.serialized) struct DocumentedCommandsTests {
    /// A copy in which pages may write, with the programs where `make build` puts them.
    private struct Copy {
        let directory: String
        private let broker: UInt16

        init() throws {
            directory = try TemporaryDirectory.make(prefix: "mesh-docs")
            broker = try FreePort.choose()
            for name in ["topics", "deploy", "docs"] {
                try FileManager.default.copyItem(atPath: "\(Programs.root)/\(name)", toPath: "\(directory)/\(name)")
            }
            try FileManager.default.createDirectory(atPath: directory + "/.build", withIntermediateDirectories: true)
            let programs = try Programs.mesh.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            try FileManager.default.createSymbolicLink(atPath: directory + "/.build/debug", withDestinationPath: programs)
        }

        /// Runs a page; `addresses` are those that it names beside the local broker's.
        func run(_ page: DocumentPage, addresses: [String: String] = [:]) async throws {
            let answer = try await shell(
                page.script(in: directory, replacing: addresses.merging(["127.0.0.1:9092": "127.0.0.1:\(broker)"]) { own, _ in own }))
            #expect(answer.status == .exited(0), "\(page.path): \(answer.status.map { "\($0)" } ?? "it did not end")\n\(answer.text)")
        }

        func mesh(_ command: String) async throws {
            let answer = try await shell("cd '\(directory)'\nmesh \(command)\n")
            #expect(answer.status == .exited(0), "mesh \(command): \(answer.text)")
        }

        private func shell(_ script: String) async throws -> Programs.Answer {
            let path = directory + "/page.sh"
            try script.write(toFile: path, atomically: true, encoding: .utf8)
            var environment = Programs.environment
            environment["MESH_HOME"] = nil
            environment["MESH_PORT"] = "\(broker)"
            environment["PATH"] = "\(directory)/.build/debug:" + (environment["PATH"] ?? "/usr/bin:/bin")
            for (name, value) in [
                "AUTHOR_NAME": "Ada", "AUTHOR_EMAIL": "ada@example.org", "COMMITTER_NAME": "Ada", "COMMITTER_EMAIL": "ada@example.org",
            ] {
                environment["GIT_\(name)"] = value
            }
            return try await Programs.run(
                "/bin/bash", [path], environment: environment, log: directory + "/page.log", timeout: .seconds(400))
        }

        /// Whatever still runs here is ended.
        func end() async throws {
            _ = try await shell("cd '\(directory)'\nmesh down || true\n")
            try? FileManager.default.removeItem(atPath: directory)
        }
    }

    @Test(.timeLimit(.minutes(10))) func theTutorialRunsAsWritten() async throws {
        let copy = try Copy()
        try await copy.run(try DocumentPage(path: "docs/tutorial.md"))
        try await copy.end()
    }

    @Test(.timeLimit(.minutes(10))) func theHowToPagesRunAsWritten() async throws {
        let copy = try Copy()
        try await copy.mesh("up --detach")
        let cluster = "docs/how-to/point-at-a-real-cluster.md"
        for page in try DocumentPage.howTo() where page.path != cluster { try await copy.run(page) }
        try await copy.mesh("down")
        let broker = try await DedicatedThread.run(name: "broker") { try BrokerFixture.makeLocal() }
        try await copy.run(try DocumentPage(path: cluster), addresses: ["kafka.example.org:9092": broker.bootstrapServers])
        broker.kill()
        try await copy.end()
    }

    @Test func noCommandHidesFromThisTest() throws {
        let pages = try DocumentPage.howTo() + ["docs/tutorial.md", "docs/explanations.md"].map { try DocumentPage(path: $0) }
        let known: Set = ["sh", "swift", "yaml", "json", "text", "mermaid"]
        for page in pages { #expect(page.marks.isSubset(of: known), "\(page.path): \(page.marks.subtracting(known))") }
        let names = Set(pages.map(\.path))
        for name in [
            "scale", "replay", "redrive", "chaos-test", "write-a-bot-in-swift", "write-a-bot-in-yaml", "point-at-a-real-cluster",
            "upgrade-a-payload-schema",
        ] { #expect(names.contains("docs/how-to/\(name).md"), "\(name) is missing") }
        #expect(try DocumentPage(path: "docs/explanations.md").blocks.isEmpty, "the explanations have commands: run them too")
    }

    @Test func aPageIsReadAsItIs() {
        let page = DocumentPage(path: "p.md", text: "a\n```sh\nmesh ps\nmesh lag\n```\n```yaml\nx: 1\n```\n```sh\nexit 0\n```\n")
        #expect(page.blocks == [.init(line: 3, text: "mesh ps\nmesh lag"), .init(line: 10, text: "exit 0")])
        #expect(page.marks == ["sh", "yaml"])
    }
}
