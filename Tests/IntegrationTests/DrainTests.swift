import Envelopes
import Glibc
import Kafka
import MeshTesting
import Testing

/// The end of a bot's process, as the kernel sees it.
@Suite(.serialized) struct DrainTests {
    private static let countBot = """
        bot: { name: CountBot, version: "1.0.0", enabled: true, description: Counts, category: operations }
        triggers: [ { type: event, pattern: cost.report } ]
        actions:
          - name: tell
            type: message
            command: send_notification
            parameters: { title: seen, text: seen, severity: info, channels: [console] }
        """

    private static let slowBot = """
        bot: { name: SlowBot, version: "1.0.0", enabled: true, description: Takes its time, category: operations }
        triggers: [ { type: event, pattern: cost.report } ]
        actions:
          - { name: wait, type: execute, command: "sleep 300", timeout: 600, on_success: tell, on_failure: tell }
          - name: tell
            type: message
            command: send_notification
            parameters: { title: seen, text: seen, severity: info, channels: [console] }
        """

    private func pid(_ mesh: MeshUnderTest, _ instance: String) async throws -> Int32 {
        var found: Int32?
        try await eventually("\(instance) to run", within: .seconds(30)) {
            found = mesh.processes(of: instance).first
            return found != nil
        }
        return try #require(found)
    }

    @Test func aTermUnderLoadSettlesWhatIsFinishedAndGivesTheRestBack() async throws {
        let mesh = try await MeshUnderTest.start(configuration: ["CountBot.yaml": Self.countBot])
        let count = 3_000
        for _ in 0..<3 {
            try await mesh.produce(
                (0..<count / 3).map { number in
                    OutgoingRecord(topic: "cost.report", key: Array("\(number % 50)".utf8), value: Array(#"{"payload":{}}"#.utf8))
                })
            let running = try await pid(mesh, "CountBot-1")
            let before = try mesh.log.events(of: "notification.requested").count
            try await eventually("it to work", within: .seconds(60)) {
                try mesh.log.events(of: "notification.requested").count > before
            }
            kill(running, SIGTERM)
            try await eventually("it to end within its limit", within: .seconds(25)) { kill(running, 0) != 0 }
        }
        try await eventually("all to be handled", within: .seconds(90)) {
            try mesh.log.events(of: "notification.requested").count >= count
        }
        let seen = try mesh.log.events(of: "notification.requested")
        #expect(seen.count == count)
        #expect(Set(seen.map(\.envelope.id)).count == count)
        #expect(Set(seen.compactMap(\.envelope.causationID)).count == count)
        #expect(try mesh.log.records(of: "mesh.dlq").isEmpty)
        #expect(try await mesh.stop() == .exited(0))
    }

    @Test func aSecondTermEndsAProcessAtOnce() async throws {
        let mesh = try await MeshUnderTest.start(configuration: ["SlowBot.yaml": Self.slowBot])
        try await mesh.produce("cost.report", #"{"payload":{}}"#)
        let running = try await pid(mesh, "SlowBot-1")
        try await eventually("its command to run", within: .seconds(60)) {
            try mesh.log.records(of: "mesh.audit").contains { String(decoding: $0.value ?? [], as: UTF8.self).contains("call.started") }
        }
        kill(running, SIGTERM)
        try await eventually("it to drain", within: .seconds(20)) {
            try mesh.log.records(of: InstanceRecord.topic).contains { String(decoding: $0.value ?? [], as: UTF8.self).contains("draining") }
        }
        #expect(kill(running, 0) == 0, "its command may go on for twenty seconds")
        kill(running, SIGTERM)
        try await eventually("it to end at once", within: .seconds(5)) { kill(running, 0) != 0 }
        _ = try await mesh.stop()
    }
}
