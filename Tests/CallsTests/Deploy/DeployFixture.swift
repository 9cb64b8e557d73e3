import BotKit
import Calls
import Envelopes
import LoopbackPorts
import MeshTesting
import Testing

/// A data directory, a store with packed releases, and the performers over them. Services that a test leaves behind are ended with it.
final class DeployFixture: Sendable {
    let scratch: ScratchDirectory
    let data: String
    let store: DirectoryArtifactStore
    let tools: DeployTools

    init(keepsServices: Bool = false, clock: any Clock<Duration> = ContinuousClock()) async throws {
        scratch = try ScratchDirectory("botmesh-deploy")
        data = try scratch.directory("data")
        store = DirectoryArtifactStore(directory: "\(data)/artifacts")
        tools = DeployTools(
            dataDirectory: data, sandbox: await Sandbox.detect(environment: ["PATH": "/usr/bin:/bin"]),
            clock: clock, lockTimeLimit: .milliseconds(200), keepsServices: keepsServices,
            now: { Timestamp(milliseconds: 1_767_225_600_000) })
    }

    deinit { ServiceSupervisor.stopAll(dataDirectory: data, within: .seconds(2)) }

    var context: CallContext { CallContext(idempotencyKey: "k", runID: "r", correlationID: "c") }
    func environmentPath(_ name: String = "staging") -> String { "data/environments/\(name)" }

    /// Packs files into the store.
    func artifact(_ files: [String: String]) async throws -> ArtifactReference {
        let name = "tree-\(UInt64.random(in: 0 ... .max))"
        for (file, text) in files { try scratch.write("\(name)/\(file)", text) }
        let packed = "\(scratch.path)/\(name).tar.gz"
        try await Archive.pack("\(scratch.path)/\(name)", time: 0, format: .gzip, to: packed)
        return try await store.put(packed, format: .gzip)
    }

    /// A service that answers every path with its version; `/health` with `status`.
    static func server(_ version: String, health: Int = 200) -> [String: String] {
        [
            "version": version,
            "serve.py": """
            import os
            from http.server import BaseHTTPRequestHandler, HTTPServer
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self):
                    body = (open("version").read() + " " + os.environ["RELEASE"] + " " + str("SECRET" in os.environ)).encode()
                    self.send_response(\(health) if self.path == "/health" else 200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
            print("listening", flush=True)
            HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
            """,
        ]
    }

    func target(port: Int, smoke: [String]? = nil, name: String = "staging") -> DirectoryTarget {
        DirectoryTarget(
            environment: name,
            service: ServiceSettings(command: ["python3", "serve.py"], port: port, stopTimeLimit: .seconds(3)),
            health: HealthSettings(
                url: "http://127.0.0.1:\(port)/health", startTimeLimit: .seconds(60), interval: .milliseconds(20)), smokeCommand: smoke,
            smokeTimeLimit: .seconds(60), keptReleases: 2)
    }

    func prepare(_ id: String, _ target: DirectoryTarget, _ artifact: ArtifactReference) async throws -> DeployReport {
        try await PrepareRelease(tools, store: store).perform(
            DeployPrepare(deployID: id, target: target, repository: "file:///r", commit: "c-\(id)", artifact: artifact), context)
    }

    func `switch`(_ id: String, _ target: DirectoryTarget) async throws -> DeploySwitch.Response {
        try await SwitchRelease(tools).perform(
            DeploySwitch(deployID: id, target: target, repository: "file:///r", commit: "c-\(id)"), context)
    }

    func verify(_ id: String, _ target: DirectoryTarget) async throws -> DeployReport {
        try await VerifyRelease(tools).perform(DeployVerify(deployID: id, target: target), context)
    }

    func revert(_ id: String, to release: String?, _ target: DirectoryTarget) async throws -> DeployReport {
        try await RevertRelease(tools).perform(DeployRevert(deployID: id, target: target, release: release, reason: "bad"), context)
    }

    func ask(_ port: Int) async throws -> String {
        try await HTTPClient(policy: .anywhere).send(HTTPRequest("http://127.0.0.1:\(port)/", reusesConnection: false)).text
    }

    /// A port that nothing listens on, and that the kernel gives to nobody.
    static func freePort() throws -> Int { Int(try FreePort.choose()) }
}

func callFailure(_ body: () async throws -> some Any) async -> CallFailure? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? CallFailure
    }
}
