import Envelopes
import FoundationEssentials
import Kafka
import LocalBroker
import LoopbackPorts
import MeshTesting
import Testing

/// `meshload`: what an ordinary bot answers is complete, once and in order; and its checker finds what is not.
@Suite(.serialized) struct RelayTests {
    private struct Bench {
        let settings: ClientSettings
        let requests: String
        let results: String
        let group: String
        let directory: String

        /// At the broker that tests share.
        init() async throws { try await self.init(BrokerFixture.shared().settings) }

        init(_ settings: ClientSettings) throws {
            self.settings = settings
            let mark = String(UInt64.random(in: 0 ... .max), radix: 36)
            (requests, results, group) = ("bench.request_\(mark)", "bench.response_\(mark)", "RelayBot-\(mark)")
            directory = try TemporaryDirectory.make(prefix: "mesh-load")
        }

        private var environment: [String: String] {
            Programs.environment.merging(["MESH_TOPICS_DIR": Programs.root + "/topics"]) { $1 }
        }

        /// Runs the tool; gives all that it said.
        func answer(_ arguments: [String]) async throws -> Programs.Answer {
            try await Programs.run(
                try BuiltProgram.path("meshload"), arguments + ["--brokers", settings.bootstrapServers], environment: environment,
                log: "\(directory)/log", timeout: .seconds(120))
        }

        /// Runs the tool; gives its exit status and the last line it wrote.
        func run(_ arguments: [String]) async throws -> (isSuccess: Bool, result: JSONValue) {
            let answer = try await answer(arguments)
            let result = try #require(Self.lastLine(answer.text), "\(arguments): \(answer.text)")
            return (answer.status?.isSuccess ?? false, result)
        }

        static func lastLine(_ text: String) -> JSONValue? {
            try? JSONValue.parse(Array((text.split(separator: "\n").last ?? "").utf8))
        }

        /// Starts it, with a log of its own.
        func begin(_ arguments: [String], by starter: String? = nil) throws -> (process: ChildProcess, log: String) {
            let log = "\(directory)/begun.log"
            let words = [try BuiltProgram.path("meshload")] + arguments + ["--brokers", settings.bootstrapServers]
            let all = try (starter.map { [try Programs.find($0)] } ?? []) + words
            let process = try ChildProcess.spawn(
                ChildProcess.Launch(program: all[0], arguments: Array(all.dropFirst()), environment: environment, output: .file(log)))
            return (process, log)
        }

        /// Writes a request that is none.
        func garbage() async throws {
            let (settings, requests) = (settings, requests)
            try await DedicatedThread.run(name: "garbage") {
                let producer = try Producer(settings)
                defer { producer.close(timeout: .seconds(2)) }
                let record = OutgoingRecord(topic: requests, key: Array("a".utf8), value: Array("no request".utf8))
                try producer.send(record, patience: .seconds(10))
                try producer.flush(timeout: .seconds(30))
            }
        }

        func generate(_ count: Int) async throws {
            let made = try await run(["generate", "--topic", requests, "--count", "\(count)", "--keys", "50"])
            #expect(made.isSuccess)
            #expect(made.result["acked"]?.integer == Int64(count))
        }

        /// How many it answered.
        func relay(_ count: Int, mode: String, group: String) async throws -> Int {
            let relayed = try await run(
                ["relay", "--in", requests, "--out", results, "--count", "\(count)", "--group", group, "--mode", mode])
            #expect(relayed.isSuccess)
            #expect(relayed.result["failed"]?.integer == 0)
            #expect(relayed.result["acked"]?.integer == Int64(count))
            func figure(_ name: String) throws -> Double { try #require(relayed.result[name]?.number, "\(relayed.result)") }
            let (seconds, rate) = (try figure("seconds"), try figure("rate"))
            #expect(seconds > 0 && abs(rate * seconds / Double(count) - 1) < 0.1, "\(rate)/s for \(seconds) s")
            #expect(try figure("p50_ms") <= (try figure("p99_ms")))
            // A process of Swift and librdkafka has as much at least.
            #expect((5...500).contains(try figure("max_rss_mb")))
            return Int(try #require(relayed.result["messages"]?.integer))
        }

        func verify(mode: String, count: Int? = nil) async throws -> (isSuccess: Bool, result: JSONValue) {
            try await run(
                ["verify", "--in", requests, "--out", results, "--mode", mode] + (count.map { ["--count", "\($0)"] } ?? []))
        }
    }

    @Test(arguments: ["exactly-once", "at-least-once"]) func aRelayIsCompleteAndASecondRunGoesOn(mode: String) async throws {
        let bench = try await Bench()
        try await bench.generate(5_000)
        let first = try await bench.relay(5_000, mode: mode, group: bench.group)
        #expect(first == 5_000)
        #expect(try await bench.verify(mode: mode).isSuccess)

        try await bench.generate(500)
        let second = try await bench.relay(500, mode: mode, group: bench.group)
        #expect(second == 500)
        let verdict = try await bench.verify(mode: mode)
        #expect(verdict.isSuccess)
        #expect(verdict.result["requests"]?.integer == 5_500)
        #expect(verdict.result["results"]?.integer == 5_500)
    }

    @Test func theCheckerIsNotContentWithNothingOrWithAnotherNumber() async throws {
        let bench = try await Bench()
        try await BrokerFixture.shared().makeTopics([bench.requests, bench.results].map { NewTopic(name: $0, partitions: 2) })
        let empty = try await bench.verify(mode: "exactly-once")
        #expect(!empty.isSuccess && empty.result["ok"]?.bool == false)

        try await bench.generate(10)
        _ = try await bench.relay(10, mode: "exactly-once", group: bench.group)
        #expect(try await bench.verify(mode: "exactly-once", count: 10).isSuccess)
        #expect(try await bench.verify(mode: "exactly-once").isSuccess)
        let other = try await bench.verify(mode: "exactly-once", count: 11)
        #expect(!other.isSuccess && other.result["ok"]?.bool == false && other.result["lost"]?.integer == 0)
    }

    @Test func theCheckerFindsALossAndADuplicate() async throws {
        let bench = try await Bench()
        try await bench.generate(100)
        _ = try await bench.relay(100, mode: "exactly-once", group: bench.group)
        #expect(try await bench.verify(mode: "exactly-once").isSuccess)

        try await bench.generate(1)
        let lost = try await bench.verify(mode: "exactly-once")
        #expect(!lost.isSuccess)
        #expect(lost.result["lost"]?.integer == 1)
        #expect(lost.result["duplicates"]?.integer == 0)

        // Another bot answers the lost one, and all others a second time.
        _ = try await bench.relay(101, mode: "exactly-once", group: bench.group + "-2")
        let twice = try await bench.verify(mode: "exactly-once")
        #expect(!twice.isSuccess)
        #expect(twice.result["lost"]?.integer == 0)
        #expect(twice.result["duplicates"]?.integer == 100)
    }

    /// What a dead letter needs is there too, at a broker where nobody else has made it.
    @Test(arguments: ["exactly-once", "at-least-once"]) func anUnreadableRecordAtAFreshBrokerHoldsNothingUp(mode: String) async throws {
        let broker = try await DedicatedThread.run(name: "fresh-broker") { try BrokerFixture.makeLocal() }
        defer { broker.kill() }
        let bench = try Bench(broker.settings)
        try await bench.generate(10)
        try await bench.garbage()
        let relayed = try await bench.run(
            ["relay", "--in", bench.requests, "--out", bench.results, "--count", "11", "--group", bench.group, "--mode", mode])
        #expect(!relayed.isSuccess)
        #expect(relayed.result["acked"]?.integer == 10 && relayed.result["failed"]?.integer == 1)
        // It is counted, and the others are compared all the same.
        let verdict = try await bench.verify(mode: mode)
        #expect(!verdict.isSuccess && verdict.result["ok"]?.bool == false)
        #expect(verdict.result["unreadable"]?.integer == 1)
        #expect(verdict.result["requests"]?.integer == 10 && verdict.result["lost"]?.integer == 0)
    }

    @Test(arguments: [
        ["relay", "--in", "bench.request_a", "--out", "bench.request_a"], ["relay", "--group", "a b"],
        ["verify", "--in", "bench.request_a", "--out", "bench.request_a"], ["generate", "--topic", "a b"],
    ]) func namesThatCannotBeAreWrongUse(words: [String]) async throws {
        let answer = try await Bench(ClientSettings(bootstrapServers: "127.0.0.1:\(try FreePort.choose())")).answer(words)
        #expect(answer.status == .exited(2), "\(answer.text)")
        #expect(words[2].contains(" ") == answer.text.contains("'a b'"), "\(answer.text)")
    }

    /// No bot runs yet: there is nothing that would have to end in order.
    @Test func aRelayThatLooksForABrokerEndsAtOnce() async throws {
        let (process, _) = try Bench(ClientSettings(bootstrapServers: "127.0.0.1:\(try FreePort.choose())")).begin(["relay"])
        defer { process.signal(.kill) }
        try await eventually("the client to look for it") {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.pid)/task").count > 1
        }
        process.signal(.interrupt)
        try await eventually("it to end") { process.exitStatus != nil }
        #expect(process.exitStatus == .signalled(2))
    }

    /// By nohup it goes on when its terminal is closed.
    @Test(arguments: [nil, "nohup"]) func whoeverIsInterruptedSaysWhatIsWritten(starter: String?) async throws {
        let bench = try await Bench()
        let (process, log) = try bench.begin(["generate", "--topic", bench.requests, "--count", "1000000", "--rate", "500"], by: starter)
        defer { process.signal(.kill) }
        let (settings, requests) = (bench.settings, bench.requests)
        func height() async throws -> Int64 {
            try await DedicatedThread.run(name: "watermarks") {
                let admin = try AdminClient(settings)
                defer { admin.close() }
                guard try admin.metadata().topics[requests] != nil else { return 0 }
                return try (0..<Int32(6)).reduce(0) { try $0 + admin.watermarks(of: TopicPartition(requests, $1)).high }
            }
        }
        try await eventually("records to be there", within: .seconds(60)) { try await height() > 0 }
        if starter != nil {
            process.signal(.hangUp)
            let before = try await height()
            try await eventually("more to be there", within: .seconds(60)) { try await height() > before + 500 }
        }
        process.signal(.interrupt)
        try await eventually("it to end", within: .seconds(60)) { process.exitStatus != nil }
        let text = try String(contentsOfFile: log, encoding: .utf8)
        #expect(process.exitStatus == .exited(130), "\(text)")
        let result = try #require(Bench.lastLine(text), "\(text)")
        let sent = try #require(result["sent"]?.integer)
        #expect(sent > 0 && sent < 1_000_000 && result["acked"]?.integer == sent && result["failed"]?.integer == 0, "\(text)")
        try await BrokerFixture.shared().makeTopics([NewTopic(name: bench.results, partitions: 1)])
        #expect(try await bench.verify(mode: "exactly-once").result["lost"]?.integer == sent)
    }
}
