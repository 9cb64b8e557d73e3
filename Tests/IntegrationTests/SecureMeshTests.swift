import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import MeshTesting
import Testing

/// `mesh up --secure`: a bot's boundaries hold at the broker, whoever has its login.
@Suite(.serialized) struct SecureMeshTests {
    @Test func eachBotDoesItsOwnWorkAndIsRefusedAllElse() async throws {
        let mesh = try await MeshUnderTest.start(bots: ["BuildBot", "NotificationBot"], flags: ["--secure"])
        let repository = try await TestRepository([".botmesh.yaml": "build:\n  - command: echo built > out\n"])
        let commit = try await repository.commit("First")
        try await mesh.produce(
            "code.committed", #"{"payload":{"repository":"\#(repository.url)","commit":"\#(commit)","branch":"main"}}"#)
        _ = try await mesh.event("build.completed")

        let build = try mesh.settings(of: "BuildBot")
        try await expectRefused("BuildBot writes deploy.requested") { try Self.write("deploy.requested", build) }
        try await expectRefused("BuildBot writes test.completed") { try Self.write("test.completed", build) }
        try await expectRefused("BuildBot runs transactions of DeployBot") {
            let producer = try Producer(build, ProducerSettings(transactionalID: "mesh-DeployBot-1"))
            defer { producer.close() }
            try producer.initTransactions(timeout: .seconds(60))
        }
        try await DedicatedThread.run(name: "own") { try Self.write("build.log", build) }

        let nobody = ClientSettings(bootstrapServers: build.bootstrapServers)
        await #expect(throws: KafkaError.self, "without a login nothing is told") {
            try await DedicatedThread.run(name: "nobody") {
                let admin = try AdminClient(nobody)
                defer { admin.close(timeout: .seconds(1)) }
                _ = try admin.metadata(timeout: .seconds(3))
            }
        }
        try checkSecrets(mesh)
        #expect(try await mesh.stop() == .exited(0))
    }

    /// Passwords stand in files of their owner, and nowhere else.
    private func checkSecrets(_ mesh: MeshUnderTest) throws {
        let folder = mesh.directory + "/data/access"
        let text = try String(contentsOfFile: folder + "/BuildBot.properties", encoding: .utf8)
        let password = try #require(text.split(separator: "\n").first { $0.hasPrefix("sasl.password=") }).dropFirst("sasl.password=".count)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let mode = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(name)")
        }
        let pid = try #require(mesh.processes(of: "BuildBot-1").first)
        let environment = String(decoding: try #require(FileManager.default.contents(atPath: "/proc/\(pid)/environ")), as: UTF8.self)
        #expect(!environment.contains(password))
        for log in ["mesh.log", "data/broker/broker.log", "data/logs/BuildBot-1.log"] {
            #expect(!(try String(contentsOfFile: "\(mesh.directory)/\(log)", encoding: .utf8)).contains(password), "\(log)")
        }
    }

    private static func write(_ topic: String, _ settings: ClientSettings) throws {
        let producer = try Producer(settings)
        defer { producer.close() }
        _ = try producer.sendAndWait([OutgoingRecord(topic: topic, key: nil, value: [])])
    }

    private func expectRefused(_ what: String, _ action: @escaping @Sendable () throws -> Void) async throws {
        let error = await #expect(throws: KafkaError.self, "\(what)") { try await DedicatedThread.run(name: "refused", action) }
        #expect(error?.description.contains("authorization failed") == true, "\(what): \(String(describing: error))")
    }
}
