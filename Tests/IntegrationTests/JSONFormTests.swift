import Envelopes
import FoundationEssentials
import Kafka
import LocalBroker
import MeshTesting
import Testing

/// Every name that `--format json` prints stands in the command's help: what programs rely on is written down.
@Suite struct JSONFormTests {
    /// What needs no bots; those that have bots are looked at by their own tests.
    private static let commands: [[String]] = [
        ["topics", "apply"], ["topics", "list"], ["topics", "describe", "build.completed"], ["topics", "diff"], ["contract", "print"],
        ["contract", "check"], ["acl", "print"], ["graph"], ["doctor"], ["ps"], ["dlq", "list"], ["dlq", "stats"], ["audit", "verify"],
        ["audit"], ["config", "show", "BuildBot"], ["validate", Programs.root + "/deploy/bots"],
        ["tail", "#", "--from", "beginning", "--no-follow"],
        [
            "produce", "code.committed", "--payload",
            #"{"repository":"https://git.example.org/shop/cart.git","commit":"3f1c9a7be2d44f0a9c5e8b17d6a20c4f9e8d7b61"}"#,
        ],
        ["tail", "code.committed", "--from", "beginning", "--no-follow", "--headers"], ["lag"],
    ]

    @Test func everyNameIsDocumented() async throws {
        let broker = try await DedicatedThread.run(name: "broker") { try BrokerFixture.makeLocal() }
        defer { broker.kill() }
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var objects = 0
        for command in Self.commands {
            let words = command.prefix { !$0.hasPrefix("-") }
            let help = try await Programs.run(try Programs.mesh, Array(words.prefix(2)) + ["--help"], log: "\(directory)/help")
            guard let sentence = help.text.firstRange(of: "With --format json:") else {
                Issue.record("mesh \(words.joined(separator: " ")) --help does not say what its JSON is: \(help.text)")
                continue
            }
            let documented = Set(help.text[sentence.upperBound...].split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
            // Warnings for people go to standard error, which is not looked at.
            let answer = try await Programs.run(
                "/bin/sh",
                [
                    "-c", "exec \"$0\" \"$@\" 2>/dev/null", try Programs.mesh,
                ] + command + ["--format", "json", "--brokers", broker.bootstrapServers, "--data-dir", directory],
                log: "\(directory)/log")
            var unknown: Set<String> = []
            for line in answer.text.split(separator: "\n") {
                let value = try JSONValue.parse(Array(line.utf8))
                let names = try #require(value.object, "\(line) is no object").keys
                unknown.formUnion(names.filter { !documented.contains($0) })
                objects += 1
            }
            #expect(unknown.isEmpty, "mesh \(words.joined(separator: " ")) does not document \(unknown.sorted())")
        }
        #expect(objects > 300)
    }
}
