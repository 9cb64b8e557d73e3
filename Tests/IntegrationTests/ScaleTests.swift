import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import LoopbackPorts
import MeshTesting
import Testing

/// Desired state, as an operator changes it on a mesh that works.
@Suite(.serialized) struct ScaleTests {
    private func results(_ mesh: MeshUnderTest) throws -> [LogFollower.Event] { try mesh.log.events(of: "notification.requested") }

    private func more(_ mesh: MeshUnderTest, by count: Int = 200) async throws {
        let before = try results(mesh).count
        try await eventually("the bots to work", within: .seconds(120)) { try results(mesh).count >= before + count }
    }

    /// Runs `mesh` and expects exit status 0.
    private func good(_ answer: Programs.Answer, _ mesh: MeshUnderTest) throws -> String {
        guard answer.status == .exited(0) else {
            throw MeshUnderTest.NotStarted(description: "\(answer)\n\(mesh.output.suffix(4000))")
        }
        return answer.text
    }

    @Test func scalingUnderLoadLosesAndRepeatsNothing() async throws {
        let mesh = try await MeshUnderTest.start(replicas: ["CountBot=2"], configuration: ["CountBot.yaml": CostReports.countBot])
        let load = CostReports(mesh.settings)
        try await more(mesh)
        for count in [4, 1, 3, 0, 2] {
            let text = try good(try await mesh.mesh("scale", "CountBot=\(count)", "--timeout", "90s", timeout: .seconds(120)), mesh)
            #expect(text.contains("CountBot has \(count) replica"), "\(text)")
            #expect(mesh.processes(of: "CountBot-\(count + 1)").isEmpty)
            if count > 0 {
                #expect(!mesh.processes(of: "CountBot-\(count)").isEmpty)
                try await more(mesh)
            }
        }
        // Paused, they take nothing in; resumed, they go on where they stopped.
        _ = try good(try await mesh.mesh("pause", "CountBot", timeout: .seconds(90)), mesh)
        _ = try good(try await mesh.mesh("resume", "CountBot", timeout: .seconds(90)), mesh)
        try await more(mesh)
        // One is drained while the other works on.
        _ = try good(try await mesh.mesh("drain", "CountBot/1", timeout: .seconds(90)), mesh)
        try await more(mesh)
        #expect(mesh.processes(of: "CountBot-1").isEmpty)
        _ = try good(try await mesh.mesh("resume", "CountBot/1", timeout: .seconds(90)), mesh)

        let sent = try await load.stop()
        try await eventually("all to be handled", within: .seconds(120)) { try results(mesh).count >= sent }
        _ = try good(try await mesh.mesh("scale", "CountBot=1", "--timeout", "90s", timeout: .seconds(120)), mesh)
        let seen = try results(mesh)
        let causes = seen.compactMap(\.envelope.causationID)
        #expect(seen.count == sent)
        #expect(Set(seen.map(\.envelope.id)).count == sent)
        #expect(Set(causes).count == sent)
        #expect(try Set(mesh.log.events(of: "cost.report").map(\.envelope.id.text)) == Set(causes))
        #expect(try mesh.log.records(of: "mesh.dlq").isEmpty)
        #expect(!mesh.output.contains("died") && !mesh.output.contains("killed"), "\(mesh.output.suffix(4000))")
        #expect(try await mesh.stop() == .exited(0))
    }

    @Test func whatIsWantedIsWrittenWithWhoWantsItAndWrongNamesAreRefused() async throws {
        let mesh = try await MeshUnderTest.start(configuration: ["CountBot.yaml": CostReports.countBot])
        _ = try good(try await mesh.mesh("loglevel", "CountBot/1", "debug"), mesh)
        _ = try good(try await mesh.mesh("scale", "CountBot=7", "--no-wait"), mesh)
        try await eventually("the wishes to be seen", within: .seconds(120)) { try mesh.log.records(of: ControlRecord.topic).count == 2 }
        let records = try mesh.log.records(of: ControlRecord.topic).map { try JSONCoder.decode(ControlRecord.self, from: $0.value ?? []) }
        #expect(records.map(\.key) == ["CountBot/1", "CountBot"])
        #expect(records[0].logLevel == "debug" && records[1].replicas == 7)
        #expect(records.allSatisfy { $0.requestedBy?.hasSuffix("(unverified)") == true && $0.requestedAt != nil })
        // Topics are read side by side: a wish may be seen before its audit record, which was written with it.
        var own: [AuditRecord] = []
        try await eventually("the wishes to be in the audit", within: .seconds(120)) {
            let audit = try mesh.log.records(of: AuditRecord.topic).map { try JSONCoder.decode(AuditRecord.self, from: $0.value ?? []) }
            own = audit.filter { $0.action.hasPrefix("bot.") }
            return own.count == 2
        }
        #expect(own.map(\.subject).sorted() == ["CountBot/1=debug", "CountBot=7"])
        #expect(try own.allSatisfy { try $0.hash == $0.expectedHash() })
        try await eventually("a word about the seventh replica", within: .seconds(120)) {
            mesh.output.contains("no topic that it reads has more than")
        }
        for wrong in [["scale", "CountBt=2"], ["pause", "CountBot/99"], ["scale", "CountBot"]] {
            let answer = try await Programs.run(
                try Programs.mesh, wrong + ["--data-dir", mesh.directory + "/data"], log: mesh.directory + "/wrong.log")
            #expect(answer.status == .exited(2), "\(answer)")
        }
        let late = try await mesh.mesh("resume", "CountBot/7", "--timeout", "90s", timeout: .seconds(120))
        #expect(late.status == .exited(0), "\(late)")
        #expect(try await mesh.stop() == .exited(0))
    }

    /// In the background, found again by its data directory; what was wanted outlives it.
    @Test func aDetachedMeshIsFoundAgainAndKeepsWhatIsWanted() async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-detach")
        try FileManager.default.createDirectory(atPath: directory + "/bots", withIntermediateDirectories: true)
        try Data(CostReports.countBot.utf8).write(to: URL(fileURLWithPath: directory + "/bots/CountBot.yaml"))
        let data = directory + "/data"
        func mesh(_ words: String...) async throws -> Programs.Answer {
            try await Programs.run(
                try Programs.mesh, words + ["--data-dir", data], log: directory + "/answer.log", timeout: .seconds(330))
        }
        func up() async throws -> Programs.Answer {
            try await mesh("up", "--detach", "--config-dir", directory + "/bots", "--port", "\(FreePort.choose())")
        }
        do {
            let first = try await up()
            #expect(first.status == .exited(0), "\(first)")
            #expect(first.text.contains("mesh down ends it"))
            let second = try await up()
            #expect(second.status == .exited(1))
            #expect(second.text.contains("a mesh runs already under \(data)"), "\(second)")
            #expect(try await mesh("ps").text.contains("CountBot-1"))
            #expect(try await mesh("drain", "CountBot").status == .exited(0))
            #expect(try await mesh("down").status == .exited(0))
            #expect(try await mesh("ps").status == .exited(3))

            let again = try await up()
            #expect(again.status == .exited(0), "\(again)")
            #expect(again.text.contains("none is wanted"), "\(again)")
            let list = try await mesh("ps", "--format", "json")
            #expect(try JSONValue.parse(Array(list.text.utf8))["state"]?.string == "drained", "\(list)")
            #expect(try await mesh("resume", "CountBot").status == .exited(0))
            #expect(try await mesh("lag", "--format", "json").status == .exited(0))
        } catch {
            _ = try await mesh("down")
            throw error
        }
        #expect(try await mesh("down").status == .exited(0))
        try FileManager.default.removeItem(atPath: directory)
    }
}
