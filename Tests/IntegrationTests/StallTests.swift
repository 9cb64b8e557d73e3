import Envelopes
import FoundationEssentials
import Kafka
import MeshTesting
import Testing

/// A partition that stands still for real: people learn of it in each of the three places.
@Suite(.serialized) struct StallTests {
    private static let partition = TopicPartition("cost.report", 0)

    private static let refusal = AccessRule(
        resource: .topic, name: partition.topic, principal: "User:CountBot", operation: .read, permission: .deny)

    private func access(_ mesh: MeshUnderTest, _ change: @escaping @Sendable (AdminClient) throws -> Void) async throws {
        let settings = mesh.settings
        try await DedicatedThread.run(name: "access") {
            let admin = try AdminClient(settings)
            defer { admin.close() }
            try change(admin)
        }
    }

    /// What a page of the bot's answers.
    private func page(_ path: String, _ port: Int64, _ mesh: MeshUnderTest) async throws -> (status: String, text: String) {
        let python = ProcessInfo.processInfo.environment["MESH_TEST_PYTHON"] ?? "\(Programs.root)/.venv/bin/python3"
        let script = """
            import http.client, sys
            connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=60)
            connection.request('GET', sys.argv[2])
            answer = connection.getresponse()
            print(answer.status, answer.read().decode())
            """
        let answer = try await Programs.run(python, ["-c", script, "\(port)", path], log: mesh.directory + "/page.log")
        try #require(answer.status == .exited(0), "\(answer.text)")
        return (String(answer.text.prefix { $0 != " " }), answer.text)
    }

    /// Somebody takes the right to read away from a bot that works: it goes on as a member of its group, and brings nothing.
    @Test func aPartitionThatStandsStillIsNamedInReadyInTheMetricAndInTheLog() async throws {
        let mesh = try await MeshUnderTest.start(configuration: ["CountBot.yaml": CostReports.countBot], flags: ["--secure"])
        func report() -> OutgoingRecord {
            OutgoingRecord(
                topic: Self.partition.topic, partition: Self.partition.partition, value: Array(#"{"payload":{}}"#.utf8))
        }
        func answers() throws -> Int { try mesh.log.events(of: "notification.requested").count }
        func log() throws -> String { try String(contentsOfFile: mesh.directory + "/data/logs/CountBot-1.log", encoding: .utf8) }
        try await mesh.produce([report()])
        try await eventually("it to work", within: .seconds(60)) { try answers() == 1 }
        let port = try await mesh.healthPort()
        #expect(try await page("/ready", port, mesh).status == "200")

        try await access(mesh) { try $0.createAccessRules([Self.refusal]) }
        try await mesh.produce([report()])
        let metric = #"mesh_partition_stalled{bot="CountBot",topic="cost.report",partition="0"} 1"#
        try await eventually("the metric to name it", within: .seconds(60)) {
            try await page("/metrics", port, mesh).text.split(separator: "\n").contains { $0 == metric }
        }
        let ready = try await page("/ready", port, mesh)
        #expect(ready.status == "503" && ready.text.contains("stands still: \(Self.partition)"), "\(ready)")
        #expect(try log().contains("\(Self.partition) stands still: records wait"))
        #expect(try answers() == 1)

        try await access(mesh) { admin in
            let rule = Self.refusal
            let taken = try admin.deleteAccessRules(
                AccessFilter(resource: rule.resource, name: rule.name, principal: rule.principal, permission: rule.permission))
            #expect(taken == [rule])
        }
        try await promptly("all to be handled", within: .seconds(10)) { try answers() == 2 }
        try await promptly("it to take that back", within: .seconds(10)) { try await page("/ready", port, mesh).status == "200" }
        #expect(try await !page("/metrics", port, mesh).text.contains("mesh_partition_stalled{"))
        #expect(try log().contains("\(Self.partition) no longer stands still"))
        #expect(try await mesh.stop() == .exited(0))
    }
}
