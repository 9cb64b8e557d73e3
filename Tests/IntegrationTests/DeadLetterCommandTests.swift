import Envelopes
import FoundationEssentials
import Kafka
import LocalBroker
import MeshTesting
import Testing
import Topology

/// `mesh dlq`: what is put back goes to its bot alone and once, whatever becomes of the command; and nothing goes round for ever.
@Suite(.serialized) struct DeadLetterCommandTests {
    private static func echo(_ name: String) -> String {
        """
        bot: { name: \(name), version: "1.0.0", enabled: true, description: Tells of every event that it can read, category: operations }
        triggers:
          - { type: event, pattern: code.committed }
        actions:
          - name: tell
            type: message
            command: send_notification
            parameters: { title: seen, text: seen, severity: info, channels: [console] }
        """
    }

    /// Dead letters of EchoBot as it would write them, of events that it can handle by now.
    private static func letters(_ count: Int) throws -> [OutgoingRecord] {
        let catalogue = try CatalogueLoader.load(directory: Programs.root + "/topics")
        let payload = catalogue["code.committed"]?.examples.first?.payload ?? .object([:])
        return (0..<count).map { number in
            let event = JSONValue.object(["id": .string("event-\(number)"), "payload": payload])
            let headers: [(String, String)] = [
                (RecordHeader.originTopic, "code.committed"), (RecordHeader.originPartition, "\(number % 6)"),
                (RecordHeader.originOffset, "\(number / 6)"), (RecordHeader.originTimestamp, "1795261476250"),
                (RecordHeader.originTimestampType, "CreateTime"), (RecordHeader.originGroup, "EchoBot"),
                (RecordHeader.exceptionMessage, "no such luck"), (RecordHeader.bot, "EchoBot"), (RecordHeader.attempts, "5"),
                (RecordHeader.errorCode, "no-luck"), (RecordHeader.redrives, "0"),
            ]
            return OutgoingRecord(
                topic: "mesh.dlq", partition: Int32(number % 6), key: Array("key-\(number % 100)".utf8), value: event.bytes,
                headers: Headers(headers.map { Header($0.0, text: $0.1) }))
        }
    }

    private func stats(_ mesh: MeshUnderTest) async throws -> JSONValue {
        let answer = try await mesh.mesh("dlq", "stats", "--format", "json")
        return try JSONValue.parse(Array((answer.text.split(separator: "\n").last ?? "").utf8))
    }

    @Test(.timeLimit(.minutes(10))) func tenThousandArePutBackOnceAlthoughTheCommandIsKilled() async throws {
        let count = 10_000
        let mesh = try await MeshUnderTest.start(configuration: [
            "EchoBot.yaml": Self.echo("EchoBot"), "OtherBot.yaml": Self.echo("OtherBot"),
        ])
        try await mesh.produce(try Self.letters(count))
        let retry = LogFollower(mesh.settings, topics: ["retry.echobot"])

        let launch = ChildProcess.Launch(
            program: try Programs.mesh,
            arguments: ["dlq", "redrive", "--bot", "EchoBot", "--rate", "200", "--data-dir", mesh.directory + "/data"],
            environment: Programs.environment, output: .file(mesh.directory + "/redrive.log"))
        let command = try await DedicatedThread.run(name: "redrive") { try ChildProcess.spawn(launch) }
        try await eventually("a part to be put back", within: .seconds(120)) {
            #expect(command.exitStatus == nil, "it has ended before it could be killed")
            return try retry.records(of: "retry.echobot").count > 500
        }
        command.signal(.kill)
        let status = try await DedicatedThread.run(name: "wait") { command.wait(timeout: .seconds(60)) }
        #expect(status != .exited(0))
        let before = try retry.records(of: "retry.echobot").count
        #expect(before < count)

        // A dry run tells what the run then does.
        let dry = try JSONValue.parse(
            Array(try await mesh.mesh("dlq", "redrive", "--bot", "EchoBot", "--dry-run", "--format", "json").text.utf8))
        let second = try await mesh.mesh("dlq", "redrive", "--bot", "echobot", "--format", "json", timeout: .seconds(120))
        #expect(second.status == .exited(0), "\(second.text)")
        let said = try JSONValue.parse(Array(second.text.utf8))
        #expect(said["redriven"] == dry["planned"])
        let done = try #require(said["already_redriven"]?.integer)
        #expect(done > 0 && done < count)
        #expect(said["redriven"]?.integer == Int64(count) - done)

        try await eventually("each to be handled", within: .seconds(180)) {
            try mesh.log.records(of: "notification.requested").count >= count
        }
        #expect(try await mesh.mesh("dlq", "redrive", "--all").text.contains("nothing was put back"))
        let handled = try mesh.log.events(of: "notification.requested")
        #expect(handled.count == count)
        #expect(Set(handled.compactMap(\.envelope.causationID)) == Set((0..<count).map { "event-\($0)" }))
        #expect(handled.allSatisfy { $0.envelope.source == "EchoBot" }, "another bot saw a record that was put back")
        #expect(try retry.records(of: "retry.echobot").count == count)
        #expect(try mesh.log.records(of: "code.committed").isEmpty)
        #expect(try mesh.log.records(of: "mesh.dlq").count == count, "something failed again")
        let all = try await stats(mesh)
        #expect(all["redriven"]?.integer == Int64(count))
        #expect(all["open"]?.integer == 0)
        retry.stop()
        #expect(try await mesh.stop() == .exited(0))
    }

    @Test(.timeLimit(.minutes(10))) func ofTwoAtATimeTheSecondTakesOver() async throws {
        let count = 600
        let mesh = try await MeshUnderTest.start(configuration: ["EchoBot.yaml": Self.echo("EchoBot")])
        try await mesh.produce(try Self.letters(count))
        let retry = LogFollower(mesh.settings, topics: ["retry.echobot"])
        let launch = ChildProcess.Launch(
            program: try Programs.mesh, arguments: ["dlq", "redrive", "--all", "--rate", "10", "--data-dir", mesh.directory + "/data"],
            environment: Programs.environment, output: .file(mesh.directory + "/first.log"))
        let first = try await DedicatedThread.run(name: "redrive") { try ChildProcess.spawn(launch) }
        try await eventually("the first to begin", within: .seconds(120)) { try retry.records(of: "retry.echobot").count > 0 }
        let second = try await mesh.mesh("dlq", "redrive", "--all")
        #expect(second.status == .exited(0), "\(second.text)")
        let status = try await DedicatedThread.run(name: "wait") { first.wait(timeout: .seconds(120)) }
        let said = try String(contentsOfFile: mesh.directory + "/first.log", encoding: .utf8)
        #expect(status == .exited(1) && said.contains("another mesh dlq"), "\(said)")
        try await eventually("each to be handled", within: .seconds(120)) {
            try mesh.log.records(of: "notification.requested").count >= count
        }
        #expect(try retry.records(of: "retry.echobot").count == count)
        #expect(Set(try mesh.log.events(of: "notification.requested").compactMap(\.envelope.causationID)).count == count)
        let verified = try await mesh.mesh("audit", "verify")
        #expect(verified.status == .exited(0), "\(verified.text)")
        retry.stop()
        #expect(try await mesh.stop() == .exited(0))
    }

    @Test(.timeLimit(.minutes(10))) func whatFailsAgainIsQuarantinedAndCanBePurged() async throws {
        let mesh = try await MeshUnderTest.start(configuration: ["EchoBot.yaml": Self.echo("EchoBot")])
        try await mesh.produce("code.committed", key: "a", "hello")
        func letters() throws -> Int { try mesh.log.records(of: "mesh.dlq").count }
        try await eventually("the first dead letter") { try letters() == 1 }
        for round in 1...3 {
            // The second time as on a broker without transactions.
            let delivery = round == 2 ? "at-least-once" : "exactly-once"
            let answer = try await mesh.mesh("dlq", "redrive", "--bot", "EchoBot", "--delivery", delivery)
            #expect(answer.text.contains("1 dead letter put back, to EchoBot"), "\(answer.text)")
            try await eventually("dead letter \(round + 1)") { try letters() == round + 1 }
        }
        #expect(try await mesh.mesh("dlq", "redrive", "--bot", "EchoBot").text.contains("1 quarantined"))
        let refused = try await mesh.mesh("audit", "--action", "dlq.redriven", "--max", "1")
        #expect(refused.text.contains("1 of EchoBot in mesh.dlq") && refused.text.contains("refused: quarantined"), "\(refused.text)")
        let list = try await mesh.mesh("dlq", "list", "--format", "json")
        let row = try JSONValue.parse(Array(list.text.utf8))
        #expect(row["state"]?.string == "quarantined")
        #expect(row["redrives"]?.integer == 3)
        #expect(row["topic"]?.string == "code.committed", "the first origin is kept")
        let place = "\(try #require(row["partition"]?.integer))@\(try #require(row["offset"]?.integer))"
        let page = try await mesh.mesh("dlq", "show", place).text
        #expect(page.contains("no envelope (not-json)") && page.contains("hello"), "\(page)")
        #expect(try await mesh.mesh("dlq", "redrive", place, "--force").status == .exited(0))
        try await eventually("the last dead letter") { try letters() == 5 }

        // Without a word nothing is purged; and then all that lies at the beginning is deleted.
        #expect(try await mesh.mesh("dlq", "purge", "--all").status == .exited(2))
        let purged = try await mesh.mesh("dlq", "purge", "--all", "--state", "quarantined", "--yes").text
        #expect(purged.contains("1 dead letter purged") && purged.contains("stay in the log"), "\(purged)")
        let rest = try await mesh.mesh("dlq", "purge", "--all", "--state", "redriven", "--yes").text
        #expect(rest.contains("4 dead letters purged") && rest.contains("were deleted"), "\(rest)")
        #expect(try await mesh.mesh("dlq", "stats").text == "no dead letters\n")
        #expect(try await mesh.stop() == .exited(0))
    }

    @Test func aMistypedNameGetsTheNearest() async throws {
        let mesh = try await MeshUnderTest.start(configuration: ["EchoBot.yaml": Self.echo("EchoBot")])
        try await mesh.produce(try Self.letters(3))
        for (arguments, hint) in [
            (["list", "--bot", "EchoBto"], "did you mean 'EchoBot'"), (["list", "--reason", "no-lukc"], "did you mean 'no-luck'"),
            (["list", "--where", "branch =="], "--where, column"), (["show", "3"], "PARTITION@OFFSET"), (["redrive"], "--all"),
            (["redrive", "--bot", "EchoBto"], "did you mean 'EchoBot'"), (["list", "--older-than", "3"], "did you mean '3s'"),
        ] {
            let answer = try await Programs.run(
                try Programs.mesh, ["dlq"] + arguments + ["--data-dir", mesh.directory + "/data"], log: mesh.directory + "/hint.log")
            #expect(answer.status == .exited(2), "\(arguments)")
            #expect(answer.text.contains(hint), "\(arguments): \(answer.text)")
        }
        #expect(try await mesh.mesh("dlq", "show", "0@77").status == .exited(1))
        #expect(try await mesh.stop() == .exited(0))
    }
}
