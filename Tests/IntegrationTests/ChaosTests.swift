import Envelopes
import FoundationEssentials
import LocalBroker
import LoopbackPorts
import MeshTesting
import Testing

/// A short pass of each chaos scenario, each with a broker of its own; the modes take turns. `make chaos` runs them for long. A pass mostly waits, so several
/// run at a time.
@Suite struct ChaosTests {
    private static let passes: [(scenario: String, mode: String)] = [
        ("kill", "exactly-once"), ("kill", "at-least-once"), ("sigterm", "at-least-once"), ("scale", "exactly-once"),
        ("freeze", "exactly-once"), ("freeze", "at-least-once"), ("broker-kill", "exactly-once"), ("broker-freeze", "at-least-once"),
        ("network", "exactly-once"), ("poison", "at-least-once"), ("retry", "exactly-once"), ("retry", "at-least-once"),
        ("slow", "exactly-once"), ("dependency", "exactly-once"),
        ("dlq", "at-least-once"), ("disk-full", "exactly-once"), ("clock", "at-least-once"), ("duplicates", "exactly-once"),
        ("state", "exactly-once"), ("state-disk", "exactly-once"), ("scale", "at-least-once"), ("broker-kill", "at-least-once"),
    ]

    @Test(arguments: passes) func aMeshThatIsHarmedLosesAndRepeatsNothing(scenario: String, mode: String) async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-chaos-test")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        // The second seed of `retry` tries again in place.
        let seed = (scenario, mode) == ("retry", "at-least-once") ? "2" : "1"
        var arguments = ["--scenario", scenario, "--mode", mode, "--seed", seed, "--duration", "4"]
        if scenario == "clock" { arguments += ["--clock-library", try await clockLibrary(directory)] }
        let answer = try await chaos(arguments, directory)
        let result = try lastLine(answer.text)
        #expect(result["failed"]?.integer == 0)
        if result["passed"]?.integer == 1 {
            #expect(answer.status?.isSuccess == true, "\(answer.text)")
        } else {
            // The only ones that a plain user may not be permitted, and then they say so.
            #expect(
                ["disk-full", "state-disk"].contains(scenario)
                    && answer.text.contains("SKIPPED \(scenario): mounting a tmpfs is not permitted"), "\(answer.text)")
            #expect(answer.status == .exited(1))
        }
    }

    /// The dynamic linker only warns of what it cannot load, and goes on without it: then no clock was stepped.
    @Test func aRunWhoseFaultNobodyFeltFails() async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-chaos-test")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let library = directory + "/clock.so"
        try Data("no library".utf8).write(to: URL(fileURLWithPath: library))
        let answer = try await chaos(["--scenario", "clock", "--duration", "3", "--clock-library", library], directory)
        #expect(answer.status == .exited(1))
        #expect(answer.text.contains("no record of a bot has such a time"), "\(answer.text)")
        let kept = answer.text.split(separator: "\n").first { $0.contains("all logs are in ") }?.split(separator: " ").last
        try FileManager.default.removeItem(atPath: String(try #require(kept)))
    }

    @Test func theSameSeedPrintsTheSamePlanAndAWrongNameIsRefused() async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-chaos-test")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let first = try await chaos(["--seed", "5..6", "--mode", "both", "--plan"], directory)
        let second = try await chaos(["--seed", "5..6", "--mode", "both", "--plan"], directory)
        #expect(first.text == second.text)
        #expect(first.text.contains("plan broker-kill at-least-once seed 6"))
        #expect(try await chaos(["--scenario", "flood"], directory).status == .exited(2))
        for seeds in ["1.5", "1..", "..5", "1...5", "5..1", "1..2..3", "x", "-1", ""] {
            let answer = try await chaos(["--seed=\(seeds)", "--plan"], directory)
            #expect(answer.status == .exited(2) && answer.text.contains("1..20"), "\(seeds): \(answer.text)")
        }
        let nowhere = try await chaos(["--topics", directory + "/none", "--scenario", "kill"], directory)
        #expect(nowhere.status == .exited(1))
        #expect(nowhere.text.hasPrefix("meshload: \(directory)/none") && !nowhere.text.contains("plan "), "\(nowhere.text)")
    }

    /// A Kafka that is not ours: what must control it is skipped, and says why.
    @Test func whatMustControlTheBrokerIsSkippedAtAKafkaOfSomebodyElse() async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-chaos-test")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let fixture = try await BrokerFixture.shared()
        let skipped = try await chaos(["--scenario", "broker-kill", "--brokers", fixture.bootstrapServers], directory)
        #expect(skipped.text.contains("SKIPPED broker-kill: the broker is not ours"))
        #expect(try lastLine(skipped.text)["skipped"]?.integer == 1)
        // Nothing was shown.
        #expect(try lastLine(skipped.text)["ok"]?.bool == false)
        #expect(skipped.status == .exited(1))
        let passed = try await chaos(["--scenario", "scale", "--duration", "4", "--brokers", fixture.bootstrapServers], directory)
        #expect(try lastLine(passed.text)["passed"]?.integer == 1, "\(passed.text)")
    }

    /// It is named, in one line, and nothing is begun.
    @Test(arguments: [
        ["chaos", "--scenario", "kill", "--seed", "1..3"], ["verify"], ["bench", "--only", "at-least-once"], ["generate"], ["relay"],
    ])
    func anAddressWhereNobodyAnswersIsNamed(words: [String]) async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-chaos-test")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let address = "127.0.0.1:\(try FreePort.choose())"
        let (process, temporary) = try begin(words + ["--brokers", address], in: directory)
        defer { process.signal(.kill) }
        try await eventually("the command to end", within: .seconds(120)) { process.exitStatus != nil }
        #expect(process.exitStatus == .exited(1))
        let text = try String(contentsOfFile: directory + "/log", encoding: .utf8)
        #expect(
            text.hasPrefix("meshload: no broker answers at \(address)") && text.split(separator: "\n").count == 1
                && text.contains("refused"), "\(text)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary) == [])
    }

    /// A run that cannot be judged, and one that is interrupted: its topics are named in both.
    @Test(arguments: [true, false]) func whatIsNotJudgedAtAKafkaOfSomebodyElseNamesItsTopics(isInterrupted: Bool) async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-chaos-test")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let brokers = try await BrokerFixture.shared().bootstrapServers
        // A request a second: within a second not every partition can have a commit.
        let limits = isInterrupted ? [] : ["--rate", "1", "--quiet-limit", "1"]
        let (process, temporary) = try begin(["chaos", "--scenario", "kill", "--brokers", brokers] + limits, in: directory)
        defer { process.signal(.kill) }
        if isInterrupted {
            try await eventually("its bots to run", within: .seconds(120)) {
                try FileManager.default.subpathsOfDirectory(atPath: temporary).contains { $0.hasSuffix("/bot-1.log") }
            }
            process.signal(.interrupt)
        }
        try await eventually("the command to end", within: .seconds(120)) { process.exitStatus != nil }
        #expect(process.exitStatus == .exited(isInterrupted ? 130 : 1))
        let text = try String(contentsOfFile: directory + "/log", encoding: .utf8)
        #expect(text.contains("the topics of the run stay there: bench.request_kill_"), "\(text)")
        let again = text.split(separator: "\n").last { $0.contains("the same plan again:") } ?? ""
        #expect(isInterrupted || (["--brokers", brokers] + limits).allSatisfy { again.contains(" " + $0) }, "\(text)")
    }

    /// Starts meshload with a directory for temporary files of its own, and a log.
    private func begin(_ words: [String], in directory: String) throws -> (process: ChildProcess, temporary: String) {
        let temporary = directory + "/tmp"
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
        let process = try ChildProcess.spawn(
            ChildProcess.Launch(
                program: try BuiltProgram.path("meshload"), arguments: words,
                environment: Programs.environment.merging(["MESH_TOPICS_DIR": Programs.root + "/topics", "TMPDIR": temporary]) { $1 },
                output: .file(directory + "/log")))
        return (process, temporary)
    }

    /// Interrupted or killed, with a bot that is frozen: no process stays, and after an interruption no file either.
    @Test(arguments: [ChildProcess.Signal.terminate, .kill]) func nothingOutlivesTheCommand(signal: ChildProcess.Signal) async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-chaos-test")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (process, temporary) = try begin(["chaos", "--scenario", "freeze", "--duration", "60"], in: directory)
        defer { process.signal(.kill) }
        try await eventually("a bot to be frozen", within: .seconds(120)) {
            try String(contentsOfFile: directory + "/log", encoding: .utf8).contains("s: SIGSTOP bot")
        }
        #expect(try processes(naming: temporary) > 0)
        process.signal(signal)
        try await eventually("the command to end", within: .seconds(120)) { process.exitStatus != nil }
        try await eventually("its processes to end", within: .seconds(120)) { try processes(naming: temporary) == 0 }
        if signal == .terminate { #expect(try FileManager.default.contentsOfDirectory(atPath: temporary) == []) }
    }

    /// The broker is on its way then, and nothing runs yet.
    @Test func whatIsInterruptedAtItsBeginningLeavesNoFile() async throws {
        let directory = try TemporaryDirectory.make(prefix: "mesh-chaos-test")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (process, temporary) = try begin(["chaos", "--scenario", "kill", "--seed", "1..3"], in: directory)
        defer { process.signal(.kill) }
        try await eventually("its directory to be there", within: .seconds(120)) {
            try FileManager.default.contentsOfDirectory(atPath: temporary).contains { name in
                try !FileManager.default.contentsOfDirectory(atPath: "\(temporary)/\(name)").isEmpty
            }
        }
        process.signal(.terminate)
        try await eventually("the command to end", within: .seconds(120)) { process.exitStatus != nil }
        #expect(process.exitStatus == .exited(143))
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary) == [])
        try await eventually("its processes to end", within: .seconds(120)) { try processes(naming: temporary) == 0 }
    }

    /// How many processes have this path on their command line or as what they were started with.
    private func processes(naming path: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { entry in
            guard Int(entry) != nil else { return false }
            return ["cmdline", "environ"].contains { name in
                guard let data = FileManager.default.contents(atPath: "/proc/\(entry)/\(name)") else { return false }
                return String(decoding: data, as: UTF8.self).contains(path)
            }
        }.count
    }

    /// How fast this machine is must not decide: stalls are judged by `make chaos`.
    private func chaos(_ arguments: [String], _ directory: String) async throws -> Programs.Answer {
        try await Programs.run(
            try BuiltProgram.path("meshload"), ["chaos", "--stall-limit", "120", "--quiet-limit", "180", "--end-limit", "60"] + arguments,
            environment: Programs.environment.merging(["MESH_TOPICS_DIR": Programs.root + "/topics"]) { $1 },
            log: directory + "/log", timeout: .seconds(400))
    }

    private func lastLine(_ text: String) throws -> JSONValue {
        let last = text.split(separator: "\n").last ?? ""
        return try #require(try? JSONValue.parse(Array(last.utf8)), "\(text)")
    }

    private func clockLibrary(_ directory: String) async throws -> String {
        let library = directory + "/clock.so"
        let built = try await Programs.run(
            Programs.find("cc"),
            ["-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", library, Programs.root + "/loadtest/clock/shift.c"],
            environment: ["PATH": "/usr/bin:/bin"], log: directory + "/cc.log")
        try #require(built.status?.isSuccess == true, "\(built.text)")
        return library
    }
}
