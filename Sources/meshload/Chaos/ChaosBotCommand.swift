import BotKit
import Envelopes
import Kafka
import MeshRuntime
import Telemetry
import Terminal
import Topology

/// Runs one ChaosBot until it is drained: what a chaos run starts, freezes and kills.
struct ChaosBotCommand {
    private let client: ClientSettings
    private let input: EventType
    private let output: EventType
    private let group: String
    private let replica: Int
    private let mode: DeliveryMode
    private let callMilliseconds: Int?
    private let pollLimit: Int
    private let habits: ChaosBot.Habits
    private let downFile: String?
    private let countsKeys: Bool
    private let stateDirectory: String?
    private let catalogue: EventCatalogue

    init(_ invocation: Invocation) throws {
        client = try invocation.client()
        (input, output) = try invocation.ends()
        group = try invocation.botName("group")
        replica = try invocation.number("replica", in: 1...1_000)
        mode = DeliveryMode(rawValue: invocation["mode"] ?? "") ?? .exactlyOnce
        callMilliseconds = try invocation.integer("call-ms", in: 0...600_000)
        pollLimit = try invocation.number("poll-limit", in: 7...3_600)
        habits = ChaosBot.Habits(
            calls: callMilliseconds != nil, handleMilliseconds: try invocation.integer("handle-ms", in: 0...60_000) ?? 0,
            transientPerMille: try invocation.number("transient", in: 0...1_000),
            retry: RetryPolicy.Mode(rawValue: invocation["retry"] ?? "") ?? .topic)
        downFile = invocation["dependency"]
        countsKeys = invocation.has("totals")
        stateDirectory = invocation["state-dir"]
        catalogue = try EventCatalogue.bench(invocation["topics"] ?? "topics", input: input, output: output, owner: group)
    }

    func run() throws -> Int32 {
        let settings = RuntimeSettings(bot: group, replica: replica, delivery: mode)
        var performers = CallPerformers()
        performers.register(ChaosPerformer(milliseconds: callMilliseconds ?? 0, downFile: downFile))
        var options = ProcessOptions(
            settings: settings, client: client,
            configuration: BotConfiguration(
                name: group,
                constraints: BotConfiguration.Constraints(
                    maximumConcurrentJobs: ChaosBot.concurrentCalls,
                    breakers: BreakerPolicies(standard: BreakerPolicy(failures: ChaosBot.failuresToOpen, pause: .seconds(2)))),
                monitoring: BotConfiguration.Monitoring(logLevel: .info)),
            catalogue: catalogue, performers: performers,
            logger: Logger(bot: group, instance: settings.instance, level: .info, format: .text))
        options.maximumPollInterval = .seconds(pollLimit)
        options.stateDirectory = stateDirectory
        if countsKeys {
            try BotProcess.run(TotalBot(name: group, input: input, output: output), options)
            return 0
        }
        try BotProcess.run(ChaosBot(name: group, input: input, output: output, habits), options)
        return 0
    }
}
