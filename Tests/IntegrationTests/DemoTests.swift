import FoundationEssentials
import LocalBroker
import MeshTesting
import Testing

/// The main job, run as a user runs it.
@Suite(.serialized) struct DemoTests {
    @Test func everyCommitEndsWhereItShould() async throws {
        var random = SystemRandomNumberGenerator()
        let folder = FileManager.default.temporaryDirectory.path() + "/mesh-demo-\(random.next())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let environment = ProcessInfo.processInfo.environment.filter {
            ["PATH", "HOME", "LLVM_PROFILE_FILE", "MESH_LOCAL_BROKER"].contains($0.key)
        }
        .merging(["MESH_HOME": Programs.packageRoot, "NO_COLOR": "1"]) { $1 }
        func run(_ words: String..., log: String) async throws -> String {
            let process = try ChildProcess.spawn(
                ChildProcess.Launch(
                    program: Programs.path("mesh"), arguments: words + ["--data-dir", folder + "/data"], environment: environment,
                    output: .file(log), onParentDeath: .terminate))
            try await eventually("mesh \(words[0]) ends", within: .seconds(400)) { process.exitStatus != nil }
            let text = String(decoding: try Data(contentsOf: URL(filePath: log)), as: UTF8.self)
            #expect(process.exitStatus == .exited(0), "\(text)")
            return text
        }
        let port = "\(try FreePort.choose())"
        let said = try await run("demo", "--all", "--port", port, log: folder + "/demo.log")
        #expect(said.contains("http://127.0.0.1:18082/health answers 200"))
        #expect(said.contains("test.failed"))
        #expect(said.contains("deploy.rolled_back"))
        let down = try await run("down", log: folder + "/down.log")
        #expect(down.contains("stopped: production, staging"))
        try FileManager.default.removeItem(atPath: folder)
    }
}
