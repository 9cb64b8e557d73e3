import FoundationEssentials
import LocalBroker
import MeshTesting
import Testing

/// The main job, run as a user runs it.
@Suite(.serialized) struct DemoTests {
    @Test func everyCommitEndsWhereItShould() async throws {
        let folder = try TemporaryDirectory.make(prefix: "mesh-demo")
        let data = folder + "/data"
        let demo = try await Programs.run(
            Programs.mesh, ["demo", "--all", "--data-dir", data, "--port", "\(try FreePort.choose())"], log: folder + "/demo.log",
            timeout: .seconds(400))
        #expect(demo.status == .exited(0), "\(demo.text)")
        #expect(demo.text.contains("http://127.0.0.1:18082/health answers 200"))
        #expect(demo.text.contains("test.failed"))
        #expect(demo.text.contains("deploy.rolled_back"))

        let down = try await Programs.run(Programs.mesh, ["down", "--data-dir", data], log: folder + "/down.log")
        #expect(down.status == .exited(0), "\(down.text)")
        #expect(down.text.contains("stopped: production, staging"))
        try FileManager.default.removeItem(atPath: folder)
    }
}
