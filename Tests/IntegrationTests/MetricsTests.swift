import Envelopes
import FoundationEssentials
import Kafka
import MeshTesting
import Testing

/// A bot's metrics, as Prometheus reads them.
@Suite(.serialized) struct MetricsTests {
    @Test func aBotsMetricsAreReadableAndDocumented() async throws {
        let mesh = try await MeshUnderTest.start(configuration: [
            "CountBot.yaml": """
            bot: { name: CountBot, version: "1.0.0", enabled: true, description: Counts, category: operations }
            triggers: [ { type: event, pattern: cost.report } ]
            actions:
              - name: tell
                type: message
                command: send_notification
                parameters: { title: seen, text: seen, severity: info, channels: [console] }
            """
        ])
        try await mesh.produce("cost.report", #"{"payload":{}}"#)
        _ = try await mesh.event("notification.requested")
        let python = ProcessInfo.processInfo.environment["MESH_TEST_PYTHON"] ?? "\(Programs.root)/.venv/bin/python3"
        let url = "http://127.0.0.1:\(try await mesh.healthPort())/metrics"
        let answer = try await Programs.run(
            python, ["\(Programs.root)/Tests/Support/metrics.py", url], log: mesh.directory + "/metrics.log")
        #expect(answer.status == .exited(0), "\(answer.text)")
        let page = try String(contentsOfFile: Programs.root + "/docs/metrics.md", encoding: .utf8)
        let documented = Set(page.split(separator: "\n").compactMap { $0.hasPrefix("| `") ? $0.split(separator: "`")[1] : nil })
        #expect(Set(answer.text.split(separator: "\n")) == documented)
        #expect(try await mesh.stop() == .exited(0))
    }
}
