import FoundationEssentials
import LoopbackPorts
import MeshTesting
import Testing

/// The main job, run as a user runs it, on ports of its own: the services of a user's demo may be running.
@Suite(.serialized) struct DemoTests {
    @Test func everyCommitEndsWhereItShould() async throws {
        let folder = try TemporaryDirectory.make(prefix: "mesh-demo")
        let data = folder + "/data"
        let port = try Self.twoFreePorts()
        let environment = try Self.environment(home: folder + "/home", firstPort: port)
        let demo = try await Programs.run(
            try Programs.mesh, ["demo", "--all", "--data-dir", data, "--port", "\(try FreePort.choose())"], environment: environment,
            log: folder + "/demo.log", timeout: .seconds(400))
        #expect(demo.status == .exited(0), "\(demo.text)")
        #expect(demo.text.contains("http://127.0.0.1:\(port + 1)/health answers 200"))
        #expect(demo.text.contains("test.failed"))
        #expect(demo.text.contains("deploy.rolled_back"))

        let down = try await Programs.run(
            try Programs.mesh, ["down", "--data-dir", data], environment: environment, log: folder + "/down.log")
        #expect(down.status == .exited(0), "\(down.text)")
        #expect(down.text.contains("stopped: production, staging"))
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test func aPortThatIsTakenIsToldBeforeAnyBotStarts() async throws {
        let folder = try TemporaryDirectory.make(prefix: "mesh-demo")
        let holder = TestHTTPServer()
        defer { holder.stop() }
        let demo = try await Programs.run(
            try Programs.mesh, ["demo", "--data-dir", folder + "/data", "--port", "\(try FreePort.choose())"],
            environment: try Self.environment(home: folder + "/home", firstPort: UInt16(holder.port)), log: folder + "/demo.log")
        #expect(demo.status == .exited(1), "\(demo.text)")
        #expect(demo.text.contains("port \(holder.port), which the demo's staging needs, is taken"), "\(demo.text)")
        #expect(!demo.text.contains("starting "), "\(demo.text)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/data/mesh.json"), "nothing runs any more")
        try FileManager.default.removeItem(atPath: folder)
    }

    /// A copy of what `mesh` reads, with the demo's two ports replaced.
    private static func environment(home: String, firstPort: UInt16) throws -> [String: String] {
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        for name in ["topics", "deploy"] { try FileManager.default.copyItem(atPath: "\(Programs.root)/\(name)", toPath: "\(home)/\(name)") }
        let overlays = home + "/deploy/bots/demo"
        for name in try FileManager.default.contentsOfDirectory(atPath: overlays) {
            let text = try String(contentsOfFile: "\(overlays)/\(name)", encoding: .utf8)
            let moved = text.replacing("18081", with: "\(firstPort)").replacing("18082", with: "\(firstPort + 1)")
            try Data(moved.utf8).write(to: URL(filePath: "\(overlays)/\(name)"))
        }
        var environment = Programs.environment
        environment["MESH_HOME"] = home
        return environment
    }

    /// The first of two ports side by side that nobody listens on: the demo's bad commit takes the port above its own.
    private static func twoFreePorts() throws -> UInt16 {
        while true {
            let port = try FreePort.choose()
            if port < .max, !FreePort.accepts(port + 1) { return port }
        }
    }
}
