import Envelopes
import Glibc
import Kafka
import LocalBroker
import MeshTesting
import Testing

/// The end of a bot's process, as the kernel sees it.
@Suite(.serialized) struct DrainTests {
    private static let slowBot = """
        bot: { name: SlowBot, version: "1.0.0", enabled: true, description: Takes its time, category: operations }
        triggers: [ { type: event, pattern: cost.report } ]
        actions:
          - { name: wait, type: execute, command: "sleep 300", timeout: 600, on_success: tell, on_failure: tell }
          - name: tell
            type: message
            command: send_notification
            parameters: { title: seen, text: seen, severity: info, channels: [console] }
        """

    private func pid(_ mesh: MeshUnderTest, _ instance: String) async throws -> Int32 {
        var found: Int32?
        try await eventually("\(instance) to run", within: .seconds(60)) {
            found = mesh.processes(of: instance).first
            return found != nil
        }
        return try #require(found)
    }

    /// Another replica of CountBot, beside that of the mesh; the group knows it by its client id.
    private func replica(_ mesh: MeshUnderTest, client: String) async throws -> ChildProcess {
        let launch = ChildProcess.Launch(
            program: try BuiltProgram.path("meshbot"),
            arguments: [
                "CountBot", "--replica", "2", "--delivery", "at-least-once", "--config-dir", mesh.directory + "/bots",
                "--topics", Programs.root + "/topics", "--data-dir", mesh.directory + "/data",
            ],
            environment: Programs.environment.merging([
                "KAFKA_BOOTSTRAP_SERVERS": mesh.settings.bootstrapServers, "KAFKA_CLIENT_ID": client,
            ]) { $1 }, output: .file("\(mesh.directory)/\(client).log"))
        return try await DedicatedThread.run(name: "replica") { try ChildProcess.spawn(launch) }
    }

    private func group(_ mesh: MeshUnderTest) async throws -> GroupDescription? {
        let settings = mesh.settings
        return try await DedicatedThread.run(name: "group") {
            let admin = try AdminClient(settings)
            defer { admin.close() }
            return try admin.describeGroups(["CountBot"]).first
        }
    }

    /// At-least-once nothing hides what an end leaves undone: it would be written a second time.
    @Test func aTermUnderLoadSettlesWhatIsFinishedAndGivesTheRestBack() async throws {
        let mesh = try await MeshUnderTest.start(
            configuration: ["CountBot.yaml": CostReports.countBot], flags: ["--delivery", "at-least-once"])
        let load = CostReports(mesh.settings)
        func answers() throws -> Int { try mesh.log.events(of: "notification.requested").count }
        for round in 1...3 {
            let client = "drained-\(round)"
            let bot = try await replica(mesh, client: client)
            defer { bot.signal(.kill) }
            var share: [TopicPartition] = []
            try await eventually("it to have its share", within: .seconds(60)) {
                guard let group = try await group(mesh), group.state == .stable else { return false }
                share = group.members.first { $0.clientID == client }?.partitions ?? []
                return share.contains { $0.topic == "cost.report" }
            }
            let before = try answers()
            try await eventually("the load to be worked on", within: .seconds(60)) { try answers() > before + 200 }
            bot.signal(.terminate)
            try await promptly("it to end within its limit", within: .seconds(25)) { bot.exitStatus != nil }
            #expect(bot.exitStatus == .exited(0))
            // The group would wait for a member that went without a word until its session has run out: for four to six seconds.
            try await promptly("the group to let it go", within: .seconds(2)) {
                try await group(mesh)?.members.contains { $0.clientID == client } == false
            }
            try await eventually("others to own its partitions", within: .seconds(60)) {
                guard let group = try await group(mesh), group.state == .stable else { return false }
                return Set(group.members.flatMap(\.partitions)).isSuperset(of: share)
            }
        }
        let sent = try await load.stop()
        try await eventually("all to be handled", within: .seconds(120)) { try answers() >= sent }
        let seen = try mesh.log.events(of: "notification.requested")
        #expect(Set(seen.compactMap(\.envelope.causationID)).count == sent)
        #expect(seen.count == sent, "none is written twice")
        #expect(try mesh.log.records(of: "mesh.dlq").isEmpty)
        #expect(try await mesh.stop() == .exited(0))
    }

    @Test func aSecondTermEndsAProcessAtOnce() async throws {
        let mesh = try await MeshUnderTest.start(configuration: ["SlowBot.yaml": Self.slowBot])
        try await mesh.produce("cost.report", #"{"payload":{}}"#)
        let running = try await pid(mesh, "SlowBot-1")
        try await eventually("its command to run", within: .seconds(60)) {
            try mesh.log.records(of: "mesh.audit").contains { String(decoding: $0.value ?? [], as: UTF8.self).contains("call.started") }
        }
        kill(running, SIGTERM)
        try await eventually("it to drain", within: .seconds(60)) {
            try mesh.log.records(of: InstanceRecord.topic).contains { String(decoding: $0.value ?? [], as: UTF8.self).contains("draining") }
        }
        #expect(kill(running, 0) == 0, "its command may go on for twenty seconds")
        kill(running, SIGTERM)
        try await promptly("it to end at once", within: .seconds(5)) { kill(running, 0) != 0 }
        _ = try await mesh.stop()
    }
}
