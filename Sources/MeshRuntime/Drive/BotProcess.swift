import BotKit
import CSystem
import Envelopes
import Kafka
import Telemetry

/// Everything that a bot's process is made of.
public struct ProcessOptions: Sendable {
    public var settings: RuntimeSettings
    public var client: ClientSettings
    public var configuration: BotConfiguration
    public var catalogue: EventCatalogue
    public var performers: CallPerformers
    /// A static member's name (`group.instance.id`); nil for a dynamic member.
    public var groupInstanceID: String?
    /// 0 for any free port; nil for no server.
    public var healthPort: UInt16?
    /// The address, in numbers, that health, readiness and metrics are answered on.
    public var healthHost = "127.0.0.1"
    public var logger: Logger
    /// Where local copies of the bot's state are kept; made when it is missing. nil: none, and each assignment reads the whole state topic.
    public var stateDirectory: String?
    /// `max.poll.interval.ms`: a process that does not poll for so long loses its partitions. Slow calls do not keep it from polling.
    public var maximumPollInterval: Duration = .seconds(60)
    /// How long a start waits for the broker and its topics.
    public var startLimit: Duration = .seconds(60)
    /// Asked on the engine's thread after each settlement that brought results; true drains the process. For measurements; nil costs nothing.
    public var watcher: (@Sendable ([SettledRecord]) -> Bool)?

    public init(
        settings: RuntimeSettings, client: ClientSettings, configuration: BotConfiguration, catalogue: EventCatalogue,
        performers: CallPerformers, groupInstanceID: String? = nil, healthPort: UInt16? = 0, logger: Logger
    ) {
        self.settings = settings
        self.client = client
        self.configuration = configuration
        self.catalogue = catalogue
        self.performers = performers
        self.groupInstanceID = groupInstanceID
        self.healthPort = healthPort
        self.logger = logger
    }
}

/// An input record whose results everybody can see.
public struct SettledRecord: Sendable {
    /// When the input record was made, in milliseconds since 1970-01-01T00:00:00Z; -1 when it does not say.
    public let timestamp: Int64
    /// When it was taken in.
    public let takenIn: Moment
    /// Whether it was handled; false when it became a dead letter or was put off.
    public let isDone: Bool
}

/// Why a bot's process cannot start or go on.
public struct ProcessFailure: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// One bot instance.
public enum BotProcess {
    /// Runs `bot` on the calling thread until it is drained: by SIGTERM or SIGINT (blocked by `TerminationSignals.block()` before), or by a record on
    /// `mesh.control`. A second signal ends the process at once.
    public static func run<B: Bot>(_ bot: B, _ options: ProcessOptions) throws {
        let mailbox = Mailbox()
        // Before whatever waits there: the time to end runs already.
        TerminationSignals.watch { mailbox.putFirst(.terminate) }
        try run(anyBot: bot, options, mailbox: mailbox)
    }

    static func run(anyBot bot: any Bot, _ options: ProcessOptions, mailbox: Mailbox) throws {
        let logger = options.logger
        let settings = options.settings
        let contract = bot.contract
        say(contract, options, isStateful: bot.isStateful)

        let routes = try Routes(contract: contract, configuration: options.configuration)
        guard let topics = try Startup.topics(bot, routes, options, mailbox) else { return }
        let signals = SignalReader(client: options.client, contract: contract, topics: settings.topics, mailbox: mailbox, logger: logger)
        defer { signals.close() }
        let engine = try Engine(
            bot: bot, configuration: options.configuration, settings: settings,
            codec: MeshCodec(catalogue: options.catalogue, topics: settings.topics), partitionCounts: topics.counts,
            random: SystemRandomNumberGenerator(), startedAt: .current, clock: { Moment.roughUptime })
        let side = try SideProducer(options.client, logger: logger)
        let loop = try EngineLoop(
            engine: engine, options: options, inputs: topics.inputs, counts: topics.counts,
            snapshots: snapshots(bot, options, topics), mailbox: mailbox, side: side)
        // What only the start needed, of code too, need not stay in memory: an idle bot is small.
        csystem_let_go_of_code()
        try loop.run()
    }

    /// Where the copies of the bot's state are; nil where there is nothing to copy, or no place.
    private static func snapshots(_ bot: any Bot, _ options: ProcessOptions, _ topics: Startup.Topics) -> Snapshots.Place? {
        let settings = options.settings
        guard bot.isStateful || !bot.contract.calls.isEmpty else { return nil }
        guard let directory = options.stateDirectory else {
            options.logger.info("no state directory: each assignment reads the whole of \(settings.topics.state)")
            return nil
        }
        guard let cluster = topics.clusterID else {
            options.logger.warn("the brokers do not name their cluster: no local copy of \(settings.topics.state) is kept")
            return nil
        }
        return Snapshots.Place(
            directory: directory, instance: settings.instance, topic: settings.topics.state, clusterID: cluster)
    }

    private static func say(_ contract: Contract, _ options: ProcessOptions, isStateful: Bool) {
        let settings = options.settings
        options.logger.info(
            "\(settings.instance) \(options.configuration.version) starts: \(settings.delivery.rawValue), group \(settings.group)",
            [
                "delivery": .string(settings.delivery.rawValue), "brokers": .string(options.client.bootstrapServers),
                "member": .string(options.groupInstanceID.map { "static \($0)" } ?? "dynamic"), "stateful": .bool(isStateful),
                "calls": .string(contract.calls.map(\.name).joined(separator: ", ")),
                "max_concurrent_jobs": .integer(Int64(options.configuration.constraints.maximumConcurrentJobs)),
                "dedup_window": .integer(Int64(settings.limits.dedupWindow)),
            ])
        if settings.delivery == .atLeastOnce {
            options.logger.warn("at-least-once: after a crash a result may appear twice, with the same id")
            if isStateful {
                options.logger.warn(
                    "at-least-once with a state: after a crash an input may be handled by a state that has it already, so that a counter counts it twice"
                )
            }
        }
    }
}

/// What is found out before the first record.
enum Startup {
    struct Topics {
        var inputs: [String]
        var counts: [String: Int32]
        /// nil when the brokers do not tell.
        var clusterID: String?
    }

    /// Waits until the broker answers and the topics are there. Nil when the process was told to end meanwhile.
    static func topics(_ bot: any Bot, _ routes: Routes, _ options: ProcessOptions, _ mailbox: Mailbox) throws -> Topics? {
        let settings = options.settings
        let admin = try AdminClient(options.client, observer: .logging(options.logger))
        defer { admin.close(timeout: .seconds(2)) }
        let start = Moment.current.uptime
        var lastWord: Int64 = 0
        while true {
            let trouble: String
            do {
                let metadata = try admin.metadata(timeout: .seconds(5))
                let counts = metadata.topics.filter { !$0.value.partitions.isEmpty }.mapValues { Int32($0.partitions.count) }
                var inputs = routes.topics(known: counts.keys.map { EventType($0) }, contract: bot.contract).map(\.name)
                inputs.append(settings.topics.retry)
                if bot.isStateful { inputs.append(settings.topics.inbox) }
                let needed = Set(inputs + [settings.topics.state, settings.topics.deadLetters] + bot.contract.produces.map(\.name))
                let missing = needed.filter { counts[$0] == nil }.sorted()
                if missing.isEmpty {
                    if bot.isStateful, counts[settings.topics.inbox] != counts[settings.topics.state] {
                        throw ProcessFailure(
                            "\(settings.topics.inbox) and \(settings.topics.state) must have the same number of partitions; see mesh topics diff"
                        )
                    }
                    return Topics(inputs: inputs, counts: counts, clusterID: metadata.clusterID)
                }
                trouble = "these topics are missing: \(missing.joined(separator: ", ")). Create them: mesh topics apply"
            } catch let error as KafkaError {
                trouble = "no answer from \(options.client.bootstrapServers): \(error)"
            }
            let now = Moment.current.uptime
            guard now - start < options.startLimit.wholeMilliseconds else { throw ProcessFailure("\(settings.instance): \(trouble)") }
            if now - lastWord > 5_000 {
                lastWord = now
                options.logger.warn("waiting: \(trouble)")
            }
            if case .element(.terminate) = mailbox.take(limit: .milliseconds(250)) { return nil }
        }
    }
}
