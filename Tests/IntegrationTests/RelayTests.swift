import Envelopes
import FoundationEssentials
import Kafka
import LocalBroker
import MeshTesting
import Testing

/// `meshload`: what an ordinary bot answers is complete, once and in order; and its checker finds what is not.
@Suite(.serialized) struct RelayTests {
    private struct Bench {
        let fixture: BrokerFixture
        let requests: String
        let results: String
        let directory: String

        init() async throws {
            fixture = try await BrokerFixture.shared()
            requests = fixture.uniqueName("bench.request_").replacing("-", with: "")
            results = fixture.uniqueName("bench.response_").replacing("-", with: "")
            directory = try TemporaryDirectory.make(prefix: "mesh-load")
        }

        /// Runs the tool; gives its exit status and the last line it wrote.
        func run(_ arguments: [String]) async throws -> (isSuccess: Bool, result: JSONValue) {
            let answer = try await Programs.run(
                try BuiltProgram.path("meshload"), arguments + ["--brokers", fixture.bootstrapServers],
                environment: Programs.environment.merging(["MESH_TOPICS_DIR": Programs.root + "/topics"]) { $1 },
                log: "\(directory)/log", timeout: .seconds(120))
            let last = answer.text.split(separator: "\n").last ?? ""
            let result = try #require(try? JSONValue.parse(Array(last.utf8)), "\(arguments): \(answer.text)")
            return (answer.status?.isSuccess ?? false, result)
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
            return Int(try #require(relayed.result["messages"]?.integer))
        }

        func verify(mode: String, count: Int? = nil) async throws -> (isSuccess: Bool, result: JSONValue) {
            try await run(
                ["verify", "--in", requests, "--out", results, "--mode", mode] + (count.map { ["--count", "\($0)"] } ?? []))
        }
    }

    @Test(arguments: ["exactly-once", "at-least-once"]) func aRelayIsCompleteAndASecondRunGoesOn(mode: String) async throws {
        let bench = try await Bench()
        let group = bench.fixture.uniqueName("RelayBot")
        try await bench.generate(5_000)
        let first = try await bench.relay(5_000, mode: mode, group: group)
        #expect(first == 5_000)
        #expect(try await bench.verify(mode: mode).isSuccess)

        try await bench.generate(500)
        let second = try await bench.relay(500, mode: mode, group: group)
        #expect(second == 500)
        let verdict = try await bench.verify(mode: mode)
        #expect(verdict.isSuccess)
        #expect(verdict.result["requests"]?.integer == 5_500)
        #expect(verdict.result["results"]?.integer == 5_500)
    }

    @Test func theCheckerIsNotContentWithNothingOrWithAnotherNumber() async throws {
        let bench = try await Bench()
        try await bench.fixture.makeTopics([bench.requests, bench.results].map { NewTopic(name: $0, partitions: 2) })
        let empty = try await bench.verify(mode: "exactly-once")
        #expect(!empty.isSuccess && empty.result["ok"]?.bool == false)

        try await bench.generate(10)
        _ = try await bench.relay(10, mode: "exactly-once", group: bench.fixture.uniqueName("RelayBot"))
        #expect(try await bench.verify(mode: "exactly-once", count: 10).isSuccess)
        #expect(try await bench.verify(mode: "exactly-once").isSuccess)
        let other = try await bench.verify(mode: "exactly-once", count: 11)
        #expect(!other.isSuccess && other.result["ok"]?.bool == false && other.result["lost"]?.integer == 0)
    }

    @Test func theCheckerFindsALossAndADuplicate() async throws {
        let bench = try await Bench()
        try await bench.generate(100)
        _ = try await bench.relay(100, mode: "exactly-once", group: bench.fixture.uniqueName("RelayBot"))
        #expect(try await bench.verify(mode: "exactly-once").isSuccess)

        try await bench.generate(1)
        let lost = try await bench.verify(mode: "exactly-once")
        #expect(!lost.isSuccess)
        #expect(lost.result["lost"]?.integer == 1)
        #expect(lost.result["duplicates"]?.integer == 0)

        // Another bot answers the lost one, and all others a second time.
        _ = try await bench.relay(101, mode: "exactly-once", group: bench.fixture.uniqueName("RelayBot"))
        let twice = try await bench.verify(mode: "exactly-once")
        #expect(!twice.isSuccess)
        #expect(twice.result["lost"]?.integer == 0)
        #expect(twice.result["duplicates"]?.integer == 100)
    }
}
