import Envelopes
import FoundationEssentials
import Kafka
import LocalBroker
import LoopbackPorts
import MeshTesting
import Testing

/// A server that is down for a while: the bot says so, waits, and then does all of its work.
@Suite struct BreakerTests {
    @Test func recordsWaitForAServerThatIsDownAndTheOthersGoOn() async throws {
        let (down, up) = (try FreePort.choose(), try FreePort.choose())
        let directory = try TemporaryDirectory.make(prefix: "mesh-server")
        let healthy = try await server(up, directory)
        let mesh = try await MeshUnderTest.start(configuration: [
            "AskBot.yaml": """
            bot: { name: AskBot, version: "1.0.0", enabled: true, description: Asks, category: operations }
            triggers: [ { type: event, pattern: cost.report } ]
            actions:
              - { name: ask, type: http, parameters: { url: "http://127.0.0.1:${port}/" }, timeout: 5, on_success: tell }
              - name: tell
                type: message
                command: send_notification
                parameters: { title: "${port}", text: seen, severity: info, channels: [console] }
            constraints:
              max_concurrent_jobs: 1
              circuit_breaker: { failures: 1, pause: 1, probes: 2 }
            security:
              permissions: [ { resource: network, actions: [use] }, { resource: host.127.0.0.1, actions: [use] } ]
            """
        ])
        func ask(_ port: UInt16, _ count: Int) async throws {
            try await mesh.produce(
                (0..<count).map { number in
                    let text = #"{"payload":{"port":\#(port)}}"#
                    return OutgoingRecord(topic: "cost.report", key: Array("\(port)-\(number)".utf8), value: Array(text.utf8))
                })
        }
        func answers(_ port: UInt16) throws -> Int {
            try mesh.log.events(of: "notification.requested").count { $0.text("title") == "\(port)" }
        }
        func lastDegraded() throws -> JSONValue? {
            try mesh.log.records(of: InstanceRecord.topic).last.flatMap { try JSONValue.parse($0.value ?? [])["degraded"] }
        }
        try await ask(down, 8)
        try await eventually("it to say what is down", within: .seconds(120)) {
            try lastDegraded()?.array?.first?["dependency"]?.string == "http:127.0.0.1:\(down)"
        }
        try await ask(up, 8)
        try await eventually("what does not need it to go on", within: .seconds(120)) { try answers(up) == 8 }
        #expect(try answers(down) == 0)
        let late = try await server(down, directory)
        try await eventually("all to be done", within: .seconds(120)) { try answers(down) == 8 }
        try await eventually("it to take that back", within: .seconds(120)) { try lastDegraded() == nil }
        #expect(try mesh.log.records(of: "mesh.dlq").isEmpty)
        #expect(try mesh.log.records(of: "retry.askbot").isEmpty)
        #expect(try await mesh.stop() == .exited(0))
        for process in [healthy, late] { process.signal(.kill) }
        try FileManager.default.removeItem(atPath: directory)
    }

    /// A server that answers every GET with 200.
    private func server(_ port: UInt16, _ directory: String) async throws -> ChildProcess {
        let python = ProcessInfo.processInfo.environment["MESH_TEST_PYTHON"] ?? "\(Programs.root)/.venv/bin/python3"
        return try await DedicatedThread.run(name: "server") {
            try ChildProcess.spawn(
                ChildProcess.Launch(
                    program: python, arguments: ["-m", "http.server", "\(port)", "--bind", "127.0.0.1", "--directory", directory],
                    environment: Programs.environment, output: .file("\(directory)/\(port).log"), onParentDeath: .kill))
        }
    }
}
