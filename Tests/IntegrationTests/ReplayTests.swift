import Envelopes
import FoundationEssentials
import Kafka
import LoopbackPorts
import MeshTesting
import Testing

/// A mesh whose records are replayed: nothing is built a second time, and nobody is told.
@Suite(.serialized) struct ReplayTests {
    @Test func aReplayIsAnsweredFromTheAuditOrSkippedAndOneBotCanHaveItAlone() async throws {
        let mesh = try await MeshUnderTest.start(bots: ["BuildBot", "TestBot"], flags: ["--secure", "--port", "\(try FreePort.choose())"])
        do {
            let repository = try await GitRepository(
                mesh.directory,
                files: [".botmesh.yaml": "build:\n  - command: echo built > out\ntest:\n  - name: unit\n    command: grep -q built out\n"])
            let head = try await repository.head()
            try await mesh.produce("code.committed", repository.committed(head))
            _ = try await mesh.event("test.completed")

            let answer = try await mesh.mesh("replay", "code.committed", "--format", "json")
            #expect(answer.text.contains(#""written":1"#), "\(answer.text)")
            let tested = try await mesh.event("test.completed") { $0.envelope.replay != nil }
            let first = try #require(try mesh.log.events(of: "test.completed").first { $0.envelope.replay == nil })
            #expect(tested.payload["total"] == first.payload["total"] && tested.envelope.id != first.envelope.id)
            try await eventually("the build to be there twice", within: .seconds(120)) {
                try mesh.log.events(of: "build.completed").count == 2
            }
            // Lines come by a producer of their own, so that some may be late; those of a second build would name another run.
            #expect(Set(try mesh.log.events(of: "build.log").map { $0.payload["run_id"]?.string }).count == 1, "nothing was built again")

            let trace = try await mesh.mesh("trace", tested.envelope.correlationID)
            #expect(trace.status == .exited(0))
            #expect(trace.text.contains("answered from the audit") && trace.text.contains("test.completed["), "\(trace.text)")

            // Only TestBot gets it: no build begins, and no event of the topic is written.
            let builds = try mesh.log.records(of: "build.completed").count
            let alone = try await mesh.mesh("replay", "build.completed", "--to-bot", "TestBot")
            #expect(alone.text.contains("to TestBot alone"), "\(alone.text)")
            try await eventually("TestBot to have handled it", within: .seconds(120)) {
                try mesh.log.events(of: "test.completed").count == 3
            }
            #expect(try mesh.log.records(of: "build.completed").count == builds)
            let audit = try await mesh.mesh("audit", "--action", "replay.begun")
            #expect(audit.text.contains("build.completed to TestBot alone"), "\(audit.text)")

            // A record that was never handled has no results: it is skipped, told, and no dead letter.
            let id = "01a22181-42dd-7d11-be7e-58afdc569b5c"
            try await mesh.produce([
                OutgoingRecord(
                    topic: "code.committed", key: nil, value: Array(repository.committed(head).utf8),
                    headers: [Header("mesh_replay", text: id)])
            ])
            try await eventually("the record to be skipped", within: .seconds(120)) {
                try await mesh.mesh("replay", "--skipped", id).text.contains("1 record of replay \(id) was skipped")
            }
            #expect(try mesh.log.records(of: "mesh.dlq").isEmpty)
        } catch {
            try await mesh.stop()
            throw error
        }
        #expect(try await mesh.stop() == .exited(0))
    }
}
