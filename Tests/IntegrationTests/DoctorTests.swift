import Envelopes
import FoundationEssentials
import Kafka
import LoopbackPorts
import MeshTesting
import Testing

/// `mesh doctor` as an operator runs it: what it finds on a broker, and that what it recommends mends it.
@Suite struct DoctorTests {
    private func findings(_ text: String) throws -> [JSONValue] {
        try text.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
    }

    @Test func itFindsWhatIsMissingAndIsContentOnceThatIsMended() async throws {
        let broker = try await DedicatedThread.run(name: "broker") { try BrokerFixture.makeLocal() }
        defer { broker.kill() }
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        func mesh(_ arguments: String...) async throws -> Programs.Answer {
            try await Programs.run(
                try Programs.mesh, arguments + ["--brokers", broker.bootstrapServers, "--data-dir", directory], log: "\(directory)/log")
        }
        let before = try await mesh("doctor", "--format", "json")
        #expect(before.status == .exited(1), "\(before.text)")
        let topics = try #require(try findings(before.text).first { $0["check"] == "topics" })
        #expect(topics["status"] == "problem" && topics["mend"] == "mesh topics apply")

        #expect(try await mesh("topics", "apply").status == .exited(0))
        let after = try findings(try await mesh("doctor", "--format", "json").text)
        for check in ["configuration", "tools", "brokers", "features", "transactions", "topics", "access"] {
            #expect(after.contains { $0["check"] == .string(check) && $0["status"] == "ok" }, "\(check): \(after)")
        }
    }

    @Test func withoutABrokerItStillLooksAtTheMachine() async throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let port = try FreePort.choose()
        let answer = try await Programs.run(
            try Programs.mesh, ["doctor", "--brokers", "127.0.0.1:\(port)", "--data-dir", directory, "--format", "json"],
            log: "\(directory)/log")
        #expect(answer.status == .exited(3), "\(answer.text)")
        let findings = try findings(answer.text)
        #expect(findings.contains { $0["check"] == "tools" })
        let brokers = try #require(findings.first { $0["check"] == "brokers" })
        #expect(brokers["message"]?.string?.contains("127.0.0.1:\(port): the connection is refused") == true)
    }
}
