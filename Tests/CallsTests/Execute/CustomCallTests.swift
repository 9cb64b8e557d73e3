import BotKit
import FoundationEssentials
import MeshTesting
import Testing

@testable import Calls

@Suite struct CustomCallTests {
    private let scratch: ScratchDirectory
    private let performer: ExecutePerformer

    init() async throws {
        scratch = try ScratchDirectory("botmesh-execute")
        performer = ExecutePerformer(dataDirectory: scratch.path, sandbox: await Sandbox.detect(environment: ["PATH": "/usr/bin"]))
    }

    private func context() -> CallContext {
        CallContext(idempotencyKey: "call/1", runID: "run-1", correlationID: "c")
    }

    @Test func streamsStatusAndValues() async throws {
        let request = Execute(
            step: "s", arguments: ["sh", "-c", "echo \"out ${MESH_VALUE_x}\"; echo err >&2; exit 3"],
            environment: ["MESH_VALUE_x": "$(id) 'q'"],
            commandTimeLimit: .seconds(120))
        let response = try await performer.perform(request, context())
        #expect(response.exitStatus == 3 && !response.isSuccess && response.reason == "exit status 3")
        #expect(response.stdout == "out $(id) 'q'" && response.stderr == "err")
        #expect(response.output.split(separator: "\n").sorted() == ["err", "out $(id) 'q'"])
    }

    @Test func theWorkspaceIsEmptyAndGoesAway() async throws {
        let request = Execute(
            step: "s", arguments: ["sh", "-c", "ls -A . $HOME | wc -l; echo x > file; pwd"], commandTimeLimit: .seconds(120))
        for _ in 0..<2 { #expect(try await performer.perform(request, context()).isSuccess) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/workspaces").isEmpty)
    }

    @Test func timeRunsOut() async throws {
        let request = Execute(step: "s", arguments: ["sleep", "600"], commandTimeLimit: .milliseconds(300))
        let response = try await performer.perform(request, context())
        #expect(!response.isSuccess && response.durationSeconds < 300)
    }

    @Test func longOutputKeepsItsEnd() async throws {
        let request = Execute(step: "s", arguments: ["seq", "1", "20000"], commandTimeLimit: .seconds(120))
        let response = try await performer.perform(request, context())
        #expect(response.stdout.utf8.count <= Execute.maximumText && response.stdout.hasSuffix("20000"))
    }

    @Test func requestsCarryTheIdempotencyKey() async throws {
        let server = TestHTTPServer { request in
            request.target == "/ok" ? .init(201, body: "{\"id\":1}") : .init(503, body: "busy")
        }
        defer { server.stop() }
        let performer = HTTPCallPerformer(permissions: [Permission(resource: "host.127.0.0.1", actions: ["use"])])
        let response = try await performer.perform(
            HTTPCall(method: "POST", url: server.url + "/ok", headers: ["X-A": "b"], body: "hello", timeLimit: .seconds(60)), context())
        #expect(response.status == 201 && response.body == "{\"id\":1}")
        let seen = try #require(server.requests.first)
        #expect(seen.headers["idempotency-key"] == "call/1" && seen.headers["x-a"] == "b" && seen.text == "hello" && seen.method == "POST")
        #expect(
            try await performer.perform(HTTPCall(method: "GET", url: server.url + "/no", timeLimit: .seconds(60)), context()).status == 503)
    }

    @Test func privateAddressesAreRefused() async throws {
        let server = TestHTTPServer()
        defer { server.stop() }
        let performer = HTTPCallPerformer(permissions: [Permission(resource: "network", actions: ["use"])])
        await #expect(throws: CallFailure.self) {
            try await performer.perform(HTTPCall(method: "GET", url: server.url, timeLimit: .seconds(60)), context())
        }
        #expect(server.requests.isEmpty)
    }
}
