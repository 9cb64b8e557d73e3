import BotKit
import Envelopes
import Kafka
import MeshRuntime
import Telemetry
import Terminal
import Topology

/// Runs BenchBot as `meshbot` runs any bot, until so many results are acknowledged.
struct Relay {
    private let client: ClientSettings
    private let input: EventType
    private let output: EventType
    private let count: Int
    private let group: String
    private let mode: DeliveryMode
    private let replica: Int
    private let catalogue: EventCatalogue

    init(_ invocation: Invocation) throws {
        var client = try invocation.client()
        if let linger = try invocation.integer("linger", in: 0...900_000) { client["linger.ms"] = "\(linger)" }
        self.client = client
        replica = try invocation.number("replica", in: 1...1_000)
        (input, output) = try invocation.ends()
        count = try invocation.number("count", in: 1...1_000_000_000)
        group = try invocation.botName("group")
        mode = DeliveryMode(rawValue: invocation["mode"] ?? "") ?? .exactlyOnce
        catalogue = try EventCatalogue.bench(invocation["topics"] ?? "topics", input: input, output: output, owner: group)
    }

    func run() throws -> Int32 {
        let settings = RuntimeSettings(bot: group, replica: replica, delivery: mode)
        // No bot runs yet that would have to end in order.
        try TerminationSignals.unblocked {
            try Topics.ensureMesh(and: [input.name, output.name, settings.topics.retry], compacted: [settings.topics.state], client)
        }
        let tally = Tally(target: count)
        var options = ProcessOptions(
            settings: settings, client: client,
            configuration: BotConfiguration(name: group, monitoring: BotConfiguration.Monitoring(logLevel: .warn)), catalogue: catalogue,
            performers: CallPerformers(), logger: Logger(bot: group, instance: settings.instance, level: .warn, format: .text))
        options.watcher = { tally.add($0) }
        tally.watch(input)
        try BotProcess.run(BenchBot(name: group, input: input, output: output), options)
        return tally.say()
    }
}
