import Envelopes
import FoundationEssentials
import Kafka
import LocalBroker
import MeshTesting
import Testing

/// `meshload bench` runs to its end with what needs no Python, counts what came, and writes its section. Its figures are none of a test's business.
@Suite(.serialized) struct BenchTests {
    /// Builds the loop in C as the Makefile does.
    private static func bareLoop(in directory: String) async throws -> String {
        let program = directory + "/relay"
        let words = [
            "-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, Programs.root + "/loadtest/relay/relay.c",
            "-lrdkafka",
        ]
        let built = try await Programs.run(try Programs.find("cc"), words, log: directory + "/cc.log")
        try #require(built.status?.isSuccess == true, "\(built.text)")
        return program
    }

    private static func bench(_ arguments: [String], in directory: String, log: String? = nil) async throws -> Programs.Answer {
        try await Programs.run(
            try BuiltProgram.path("meshload"),
            [
                "bench", "--warm-memory", "16", "--directory", directory, "--topics", Programs.root + "/topics", "--python",
                directory + "/none",
            ] + arguments,
            log: log ?? "\(directory)/log", timeout: .seconds(240))
    }

    @Test func allContestantsWithoutPythonAreCountedAndWritten() async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-bench")
        let document = directory + "/document.md"
        let marks = "before\n<!-- throughput: written by meshload bench -->\nold\n<!-- end of throughput -->\nafter"
        try Data(marks.utf8).write(to: URL(filePath: document))
        let answer = try await Self.bench(
            ["--records", "2000", "--rounds", "1", "--bare", Self.bareLoop(in: directory), "--write", document], in: directory)
        let last = answer.text.split(separator: "\n").last { $0.hasPrefix("{") } ?? ""
        let result = try JSONValue.parse(Array(last.utf8))
        #expect(answer.status?.isSuccess == true, "\(answer.text)")
        #expect(result["ok"]?.bool == true)
        for contestant in ["bare", "bare_limited", "headerless", "at_least_once", "exactly_once"] {
            #expect((result[contestant]?.number ?? 0) > 0, "\(contestant): \(answer.text)")
        }
        #expect(answer.text.contains("left out: python"))

        let written = try String(contentsOfFile: document, encoding: .utf8)
        #expect(written.hasPrefix("before\n") && written.hasSuffix("\nafter") && !written.contains("old"))
        let tables = written.split(separator: "| median of |", maxSplits: 1)
        #expect(tables.count == 2 && tables[1].contains("| bare loop in C, with headers |") && !tables[1].contains("Python"), "\(written)")
        let rows = tables[0].split(separator: "\n").filter { $0.hasPrefix("| bare loop") || $0.hasPrefix("| meshload") }
            .map { $0.split(separator: "|").map { $0.drop { $0 == " " }.prefix { $0 != " " } } }
        #expect(rows.count == 5)
        // The bare loop is a mark only while it writes as many bytes as the mesh: of values, and, but for the one without, of headers.
        #expect(Set(rows.map { $0[3] }).count == 1, "\(written)")
        #expect(Set(rows.map { $0[4] }).subtracting(["0"]).count == 1, "\(written)")
    }

    @Test func aContestantThatLosesRecordsIsVoid() async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-bench")
        let liar = directory + "/liar"
        try Data("#!/bin/sh\necho '{\"messages\":10,\"acked\":10,\"failed\":0,\"seconds\":0.1,\"rate\":100}'\n".utf8)
            .write(to: URL(filePath: liar))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: liar)
        let answer = try await Self.bench(
            ["--records", "10", "--rounds", "1", "--only", "bare", "--bare", liar], in: directory)
        #expect(answer.status == .exited(1), "\(answer.text)")
        #expect(answer.text.contains("not right: round 1: bare: requests without a result: 10"), "\(answer.text)")
    }

    /// At a broker of its own, and at one that others use too.
    @Test(arguments: [(true, ChildProcess.Signal.interrupt), (false, .interrupt), (true, .hangUp)])
    func whatIsInterruptedLeavesNeitherFilesNorTopics(isOwnBroker: Bool, signal: ChildProcess.Signal) async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-bench")
        let fixture = try await BrokerFixture.shared()
        let data = directory + "/data"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        var arguments = [
            "bench", "--warm-memory", "0", "--directory", data, "--topics", Programs.root + "/topics", "--only", "at-least-once",
            "--records", "20000", "--rounds", "1000",
        ]
        if !isOwnBroker { arguments += ["--brokers", fixture.bootstrapServers] }
        let process = try ChildProcess.spawn(
            ChildProcess.Launch(
                program: try BuiltProgram.path("meshload"), arguments: arguments, environment: Programs.environment,
                output: .file(directory + "/log")))
        defer { process.signal(.kill) }
        func said() throws -> String { try String(contentsOfFile: directory + "/log", encoding: .utf8) }
        try await eventually("the first round to be over", within: .seconds(120)) { try said().contains("round 1: ") }
        process.signal(signal)
        if signal == .hangUp { process.signal(signal) }
        try await eventually("the command to end", within: .seconds(120)) { process.exitStatus != nil }
        let words = try said()
        #expect(process.exitStatus == .exited(128 + signal.rawValue), "\(words)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: data) == [])
        guard !isOwnBroker else { return }
        let run = try #require(words.firstMatch(of: /run ([a-z0-9]{6}),/)).1
        #expect(try await Self.topics(at: fixture.settings).filter { $0.contains(run) } == [])
    }

    private static func topics(at settings: ClientSettings) async throws -> Set<String> {
        try await DedicatedThread.run(name: "topics") {
            let admin = try AdminClient(settings)
            defer { admin.close() }
            return Set(try admin.metadata(timeout: .seconds(10)).topics.keys)
        }
    }

    /// Topics of others that are called as a run's might be.
    @Test func whatOthersHaveAtTheirKafkaIsLeftAlone() async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-bench")
        let fixture = try await BrokerFixture.shared()
        let others = ["bench.request_t", "bench.response_t000000"]
        try await fixture.makeTopics(others.map { NewTopic(name: $0, partitions: 1) })
        let answer = try await Self.bench(
            ["--brokers", fixture.bootstrapServers, "--records", "10", "--rounds", "1", "--only", "at-least-once"], in: directory)
        #expect(answer.status?.isSuccess == true, "\(answer.text)")
        #expect(try await Self.topics(at: fixture.settings).isSuperset(of: others))
    }

    @Test func aDocumentWithoutTheMarksIsRefusedBeforeAnythingIsMeasured() async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-bench")
        let document = directory + "/document.md"
        try Data("text\n".utf8).write(to: URL(filePath: document))
        let answer = try await Self.bench(["--write", document], in: directory)
        #expect(answer.status == .exited(1))
        #expect(answer.text.contains("has no lines"), "\(answer.text)")
        #expect(!answer.text.contains("broker 127"))
    }

    /// A table without rows, or without some of them, must not take the place of what was measured.
    @Test(arguments: [["--only", "exactly-once", "--latency"], ["--only", "at-least-once", "--scaling", "--write"]])
    func aSectionThatWouldLackRowsIsNotMeasured(words: [String]) async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-bench")
        let document = directory + "/document.md"
        let text = "<!-- scaling: written by meshload bench -->\n\n| old |\n\n<!-- end of scaling -->\n"
        try Data(text.utf8).write(to: URL(filePath: document))
        let answer = try await Self.bench(words.last == "--write" ? words + [document] : words, in: directory)
        #expect(answer.status == .exited(2), "\(answer.text)")
        #expect(!answer.text.contains("broker 127"), "\(answer.text)")
        #expect(try String(contentsOfFile: document, encoding: .utf8) == text)
    }

    @Test func aBrokerThatDoesNotStartLeavesItsLogAndAMistypedDirectoryIsNotMade() async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-bench")
        let liar = directory + "/liar"
        try Data("#!/bin/sh\necho no such thing\nexit 3\n".utf8).write(to: URL(filePath: liar))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: liar)
        let only = ["--only", "at-least-once"]
        let answer = try await Self.bench(only + ["--meshbroker", liar], in: directory)
        #expect(answer.status == .exited(1))
        let log = try #require(answer.text.split(separator: "its log is ").last?.split(separator: "\n").first, "\(answer.text)")
        #expect(try String(contentsOfFile: String(log), encoding: .utf8) == "no such thing\n")

        let missing = directory + "/mistyped/place"
        let refused = try await Self.bench(only, in: missing, log: directory + "/log")
        #expect(refused.status == .exited(2) && refused.text.contains("there is no directory \(missing)"), "\(refused.text)")
        #expect(!FileManager.default.fileExists(atPath: directory + "/mistyped"))
    }
}
