import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import LocalBroker
import MeshTesting
import Testing

/// `mesh tail`, `trace`, `produce`, `replay` and `record` as an operator runs them, with kcat beside them.
@Suite struct RecordCommandTests {
    private let broker: BrokerFixture
    private let directory: String

    init() async throws {
        broker = try await BrokerFixture.shared()
        directory = try TemporaryDirectory.make()
    }

    private func mesh(_ arguments: String..., timeout: Duration = .seconds(60)) async throws -> Programs.Answer {
        try await Programs.run(
            try Programs.mesh, arguments + ["--brokers", broker.bootstrapServers, "--data-dir", directory],
            log: "\(directory)/\(UInt64.random(in: 0 ... .max)).log", timeout: timeout)
    }

    private func kcat(_ arguments: String...) async throws -> String {
        let answer = try await Programs.run(
            try Programs.find("kcat"), ["-b", broker.bootstrapServers, "-m", "60"] + arguments,
            log: "\(directory)/\(UInt64.random(in: 0 ... .max)).log")
        #expect(answer.status == .exited(0), "\(answer.text)")
        return answer.text
    }

    private func produce(_ records: [OutgoingRecord]) async throws {
        let settings = broker.settings
        try await DedicatedThread.run(name: "produce") {
            let producer = try Producer(settings)
            defer { producer.close() }
            _ = try producer.sendAndWait(records)
        }
    }

    /// A name whose first word no other test has.
    private func topic(_ last: String, partitions: Int32 = 3) async throws -> String {
        let name = "\(broker.uniqueName("records")).\(last)"
        try await broker.makeTopics([NewTopic(name: name, partitions: partitions)])
        return name
    }

    private func objects(_ text: String) -> [JSONValue] {
        text.split(separator: "\n").compactMap { line in line.first == "{" ? try? JSONValue.parse(String(line)) : nil }
    }

    @Test func tailShowsManyTopicsInTheOrderOfTimeAndTopicsThatAppear() async throws {
        let first = try await topic("one")
        let domain = String(first.prefix { $0 != "." })
        let start = Timestamp.now.milliseconds - 10_000
        try await produce(
            (0..<30).map { number in
                OutgoingRecord(
                    topic: first, partition: Int32(number % 3), value: Array(#"{"payload":{"n":\#(number)}}"#.utf8),
                    timestampMilliseconds: start + Int64(number))
            } + [OutgoingRecord(topic: first, value: Array("garbage".utf8), timestampMilliseconds: start + 40)])
        let past = try await mesh("tail", "\(domain).*", "--from", "beginning", "--no-follow", "--format", "json")
        #expect(past.status == .exited(0))
        let seen = objects(past.text)
        #expect(seen.compactMap { $0["envelope"]?["payload"]?["n"]?.integer } == Array(0..<30))
        #expect(seen.last?["problem"]?.string?.hasPrefix("not-json") == true)
        #expect(seen.last?["value"] == .string("garbage"))

        let log = "\(directory)/following.log"
        let arguments = ["tail", "\(domain).*", "--where", "n >= 100", "--brokers", broker.bootstrapServers, "--data-dir", directory]
        let child = try await DedicatedThread.run(name: "tail") {
            try ChildProcess.spawn(
                ChildProcess.Launch(program: try Programs.mesh, arguments: arguments, environment: Programs.environment, output: .file(log))
            )
        }
        func said(_ text: String) -> Bool { ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").contains(text) }
        try await eventually("the tail to show what comes", within: .seconds(120)) {
            try await produce([OutgoingRecord(topic: first, value: Array(#"{"payload":{"n":200}}"#.utf8))])
            return said("\(first)[")
        }
        // The topic appears while it runs; its records are shown from the first.
        let second = "\(domain).two"
        try await broker.makeTopics([NewTopic(name: second, partitions: 1)])
        try await produce([100, 50, 101].map { OutgoingRecord(topic: second, value: Array(#"{"payload":{"n":\#($0)}}"#.utf8)) })
        try await eventually("the new topic to be shown", within: .seconds(120)) { said("\(second)[0]@2 ") }
        #expect(said("\(second)[0]@0 ") && !said("\(second)[0]@1 "))
        child.signal(.interrupt)
        let status = try await DedicatedThread.run(name: "tail") { child.wait(timeout: .seconds(120)) }
        #expect(status == .exited(0), "Ctrl-C ends it well")
    }

    @Test func producedIsWhatKcatSees() async throws {
        try await broker.makeTopics([NewTopic(name: "code.committed", partitions: 6), NewTopic(name: "mesh.audit", partitions: 1)])
        let repository = "https://git.example.org/\(broker.uniqueName("cart")).git"
        let payload = #"{"repository":"\#(repository)","commit":"3f1c9a7be2d44f0a9c5e8b17d6a20c4f9e8d7b61"}"#
        let answer = try await mesh("produce", "code.committed", "--payload", payload, "--correlation", "run-7", "--format", "json")
        #expect(answer.status == .exited(0), "\(answer.text)")
        let produced = try #require(objects(answer.text).first)
        let (partition, offset) = (try #require(produced["partition"]?.integer), try #require(produced["offset"]?.integer))
        let seen = try await kcat(
            "-C", "-t", "code.committed", "-p", String(partition), "-o", String(offset), "-c", "1", "-e", "-q", "-f", "%k %h %s\\n")
        #expect(seen.hasPrefix(repository + " "))
        #expect(seen.contains("ce_type=code.committed") && seen.contains(#""correlation_id":"run-7""#))

        let wrong = try await mesh("produce", "code.committed", "--payload", #"{"repository":5}"#)
        #expect(wrong.status == .exited(1))
        #expect(wrong.text.contains("/repository: ") && wrong.text.contains("commit"))
        #expect(try await mesh("produce", "build.completed", "--payload", "{}").status == .exited(2))
        #expect(try await mesh("produce", "code.comitted", "--payload", "{}").text.contains("did you mean 'code.committed'?"))
    }

    @Test func aDryRunAndTheReplayAgreeAndAnInterruptedOneWritesEachOnce() async throws {
        let (source, target) = (try await topic("source"), try await topic("target", partitions: 2))
        try await produce(
            (0..<6_000).map {
                OutgoingRecord(topic: source, key: Array("k\($0 % 17)".utf8), value: Array(#"{"payload":{"n":\#($0)}}"#.utf8))
            })
        let words = ["replay", source, "--into", target, "--where", "n < 5000", "--format", "json"]
        func run(_ more: String..., timeout: Duration = .seconds(60)) async throws -> Programs.Answer {
            try await Programs.run(
                try Programs.mesh, words + more + ["--brokers", broker.bootstrapServers, "--data-dir", directory],
                log: "\(directory)/\(UInt64.random(in: 0 ... .max)).log", timeout: timeout)
        }
        let dry = try #require(objects(try await run("--dry-run").text).first)
        #expect(dry["records"] == .integer(5_000) && dry["written"] == .integer(0))
        #expect(try await kcat("-C", "-t", target, "-o", "beginning", "-e", "-q").isEmpty)

        // Killed as soon as something is written: what was on its way then is there or not.
        let log = "\(directory)/killed.log"
        let arguments = words + ["--rate", "2000", "--brokers", broker.bootstrapServers, "--data-dir", directory]
        let child = try await DedicatedThread.run(name: "replay") {
            try ChildProcess.spawn(
                ChildProcess.Launch(program: try Programs.mesh, arguments: arguments, environment: Programs.environment, output: .file(log))
            )
        }
        try await eventually("the replay to have written something", within: .seconds(120)) {
            try await kcat("-C", "-t", target, "-o", "beginning", "-e", "-q").split(separator: "\n").count > 500
        }
        child.signal(.kill)
        _ = try await DedicatedThread.run(name: "replay") { child.wait(timeout: .seconds(60)) }
        let said = try String(contentsOfFile: log, encoding: .utf8)
        let id = try #require(said.split(separator: "\n").first { $0.hasPrefix("replay ") }.map { String($0.dropFirst(7)) })
        let resumed = try #require(objects(try await run("--resume", id).text).first)
        #expect(resumed["records"] == dry["records"] && resumed["first"] == dry["first"] && resumed["last"] == dry["last"])
        let origins = try await kcat("-C", "-t", target, "-o", "beginning", "-e", "-q", "-f", "%h\\n").split(separator: "\n").map { line in
            line.split(separator: ",").first { $0.hasPrefix("mesh_replay_origin=") } ?? ""
        }
        #expect(origins.count == 5_000)
        #expect(Set(origins).count == 5_000)
        let written = (resumed["written"]?.integer ?? 0, resumed["written_before"]?.integer ?? 0)
        #expect(written.0 + written.1 == 5_000 && written.1 > 500)
        let again = try #require(objects(try await run("--resume", id).text).first)
        #expect(again["written"] == .integer(0))
    }

    private func events(in topic: String, minutes: [Int64], after time: Timestamp) -> [OutgoingRecord] {
        minutes.enumerated().map { number, minute in
            OutgoingRecord(
                topic: topic, value: Array(#"{"payload":{"n":\#(number)}}"#.utf8),
                timestampMilliseconds: time.milliseconds + minute * 60_000)
        }
    }

    /// A relative place means the same in a replay that goes on as it did when the replay began.
    @Test func aResumedReplayReadsFromWhereItBegan() async throws {
        let (source, target) = (try await topic("source", partitions: 1), try await topic("target"))
        let began = Timestamp.now.advanced(by: .seconds(-1_800))
        try await produce(events(in: source, minutes: [-70, -55, -20, -5, 10], after: began))
        var random = SystemRandomNumberGenerator()
        let id = UniqueID.timeOrdered(at: began, using: &random).text
        let words = ["replay", source, "--into", target, "--from", "-1h", "--to", "-10m", "--resume", id, "--format", "json"]
        let answer = try await Programs.run(
            try Programs.mesh, words + ["--brokers", broker.bootstrapServers, "--data-dir", directory], log: "\(directory)/resumed.log")
        let report = try #require(objects(answer.text).first, "\(answer.text)")
        #expect(report["written"] == .integer(2))
        #expect(report["first"]?["place"] == .string("\(source)[0]@1") && report["last"]?["place"] == .string("\(source)[0]@2"))
    }

    /// Clocks differ: one that is ahead leaves out its own record and no other.
    @Test func aRecordOfALaterTimeTakesNoneBehindItAlong() async throws {
        let (source, target) = (try await topic("source", partitions: 1), try await topic("target"))
        try await produce(events(in: source, minutes: [-1, 60, -1], after: .now))
        let dry = try await mesh("replay", source, "--into", target, "--dry-run")
        #expect(dry.text.contains("would replay 2 records"), "\(dry.text)")
        #expect(dry.text.contains("1 record of a later time than the replay's beginning was left out"), "\(dry.text)")
        let answer = try await mesh("replay", source, "--into", target, "--format", "json")
        let report = try #require(objects(answer.text).first, "\(answer.text)")
        #expect(report["written"] == .integer(2) && report["later_left_out"] == .integer(1))
        #expect(report["last"]?["place"] == .string("\(source)[0]@2"))
        let id = try #require(report["replay"]?.string)
        let resumed = try #require(
            objects(try await mesh("replay", source, "--into", target, "--resume", id, "--format", "json").text).first)
        #expect(resumed["written"] == .integer(0) && resumed["later_left_out"] == .integer(1))
    }

    /// Half an audit would end records as skipped, for good: there is no replay that could be resumed.
    @Test func aReplayThatIsStoppedWhileTheAuditIsCopiedHasNotBegun() async throws {
        // A broker of its own: what is copied is no audit.
        let broker = try await DedicatedThread.run(name: "broker") {
            let broker = try BrokerFixture.makeLocal()
            let admin = try AdminClient(broker.settings)
            defer { admin.close() }
            try admin.createTopics([NewTopic(name: "mesh.audit", partitions: 1)]).check(except: \.isTopicAlreadyExists)
            return broker
        }
        let (pipe, log) = ("\(directory)/audit.pipe", "\(directory)/stopped.log")
        #expect(mkfifo(pipe, 0o600) == 0)
        let arguments = ["replay", "--file", pipe, "--audit", "--brokers", broker.bootstrapServers, "--data-dir", directory]
        let child = try await DedicatedThread.run(name: "replay") {
            try ChildProcess.spawn(
                ChildProcess.Launch(program: try Programs.mesh, arguments: arguments, environment: Programs.environment, output: .file(log))
            )
        }
        // It reads, so it has listened for Ctrl-C since before. The tool ends at a line: lines come until it does.
        var writer: Int32 = -1
        try await eventually("the file to be read", within: .seconds(120)) {
            writer = open(pipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            return writer >= 0
        }
        // Held open, so that writing after the end is no broken pipe.
        let reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        child.signal(.interrupt)
        let line = Array(#"{"topic":"mesh.audit","partition":0,"offset":0,"key":null,"value":"{}"}"#.utf8) + [0x0a]
        try await eventually("the replay to end", within: .seconds(120)) {
            _ = write(writer, line, line.count)
            return child.exitStatus != nil
        }
        close(writer)
        close(reader)
        #expect(child.exitStatus == .exited(130))
        let said = try String(contentsOfFile: log, encoding: .utf8)
        #expect(said.contains("nothing was replayed") && !said.contains("--resume"), "\(said)")
    }

    @Test func whatIsRecordedIsReplayedByteForByte() async throws {
        let source = try await topic("source")
        let records = [
            OutgoingRecord(
                topic: source, partition: 0, key: [0xff, 0], value: [0xfe, 0x0a], headers: [Header("x", nil), Header("x", [0xfd])]),
            OutgoingRecord(topic: source, partition: 1, key: nil, value: nil),
            OutgoingRecord(topic: source, partition: 2, key: [], value: Array("{\n}".utf8)),
        ]
        try await produce(records)
        let file = "\(directory)/kept.jsonl"
        let kept = try await mesh("record", source, "--out", file)
        #expect(kept.status == .exited(0), "\(kept.text)")
        #expect(try await mesh("record", source, "--out", file).text.contains("--force"))
        let target = try await topic("target")
        let replayed = try await mesh("replay", "--file", file, "--into", target, "--format", "json")
        #expect(objects(replayed.text).first?["written"] == .integer(3), "\(replayed.text)")
        let settings = broker.settings
        let found = try await DedicatedThread.run(name: "read") {
            let consumer = try Consumer(settings, group: .none(reportsPartitionEnd: true))
            defer { consumer.close() }
            try consumer.assign(Dictionary(uniqueKeysWithValues: (0..<3).map { (TopicPartition(target, $0), .beginning) }))
            var found: [Int32: Record] = [:]
            let deadline = ContinuousClock.now.advanced(by: .seconds(120))
            while found.count < 3, ContinuousClock.now < deadline {
                if case .record(let record)? = consumer.poll(timeout: .milliseconds(100)) { found[record.partition] = record }
            }
            return found
        }
        for record in records {
            let copy = try #require(found[record.partition ?? -1])
            #expect(copy.key == record.key && copy.value == record.value)
            #expect(copy.headers.starts(with: record.headers))
        }
    }

    @Test func whatIsNotThereIsNamedWithTheNearest() async throws {
        let source = try await topic("source")
        let near = String(source.dropLast())
        for command in [["tail", near], ["replay", near], ["record", near, "--out", "-"]] {
            let answer = try await Programs.run(
                try Programs.mesh, command + ["--brokers", broker.bootstrapServers, "--data-dir", directory], log: "\(directory)/near.log")
            #expect(answer.status == .exited(2))
            #expect(answer.text.contains("did you mean '\(source)'?"), "\(answer.text)")
        }
        let trace = try await mesh("trace", "no-such-run")
        #expect(trace.status == .exited(1))
        #expect(trace.text.contains("no run and no event 'no-such-run'"))
    }
}
