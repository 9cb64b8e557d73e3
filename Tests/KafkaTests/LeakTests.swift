import FoundationEssentials
import LocalBroker
import MeshTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct LeakTests {
    /// `KafkaLeakScenario` takes every way through the module that makes and frees C objects; valgrind counts what is left.
    @Test func nothingIsLostOnAnyErrorPath() async throws {
        let valgrind = "/usr/bin/valgrind"
        try #require(FileManager.default.isExecutableFile(atPath: valgrind), "valgrind is not installed: run deploy/bootstrap.sh")
        let broker = try await BrokerFixture.shared()
        let directory = try TemporaryDirectory.make(prefix: "leaks")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (log, scenario) = (directory + "/valgrind.log", try BuiltProgram.path("KafkaLeakScenario"))
        let status = try await blocking {
            let child = try ChildProcess.spawn(
                ChildProcess.Launch(
                    program: valgrind,
                    arguments: [
                        "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite", "--error-exitcode=9",
                        "--undef-value-errors=no", scenario, broker.bootstrapServers,
                    ], environment: ["PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no"], output: .file(log)))
            return child.wait(timeout: .seconds(400)) ?? child.stop(grace: .zero)
        }
        let output = try String(contentsOfFile: log, encoding: .utf8)
        #expect(status == .exited(0), "\(output.suffix(4000))")
    }
}
