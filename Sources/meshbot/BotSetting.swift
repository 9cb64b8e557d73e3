import BotKit
import Bots
import Calls
import Dispatch
import Envelopes
import FoundationEssentials
import Kafka
import MeshRuntime
import Synchronization
import Telemetry
import Terminal
import Topology

/// What one command line and its files make of a bot: checked whole before anything starts.
struct BotSetting {
    private let botType: any Bot.Type
    private let configuration: BotConfiguration
    private let catalogue: EventCatalogue
    private let settings: RuntimeSettings
    private let client: ClientSettings
    private let invocation: Invocation
    private let environment: [String: String]
    private let dataDirectory: String
    private let warnings: [String]

    init(_ invocation: Invocation) throws {
        self.invocation = invocation
        let name = invocation.arguments[0]
        dataDirectory = Self.absolute(invocation["data-dir"] ?? ".botmesh")
        var environment = invocation.environment
        environment["MESH_DATA_DIR"] = dataDirectory
        self.environment = environment

        var catalogue = try CatalogueLoader.load(directory: invocation["topics"] ?? "topics")
        let files = invocation.all("config")
        let sources =
            try files.isEmpty
            ? ConfigurationFiles.sources(directory: invocation["config-dir"] ?? "deploy/bots", environment: invocation["env"])
            : files.map { try ConfigurationFiles.source($0, environment: invocation["env"]) }
        let loaded = ConfigurationLoader.load(
            sources, knowledge: ConfigurationKnowledge(bots: BotRegistry.all, custom: BotRegistry.custom, catalogue: catalogue),
            variables: environment)
        for event in loaded.ownEvents(beside: catalogue) { catalogue.add(event) }
        self.catalogue = catalogue

        let builtIn = BotRegistry.all.first { $0.contract.name == name }
        let own = loaded[name]
        guard builtIn != nil || own != nil else {
            let known = BotRegistry.all.map { $0.contract.name } + loaded.bots.map(\.configuration.name)
            let nearest =
                NearestName.of(name, in: known).map { "; did you mean '\($0)'?" }
                ?? ". There are: \(Set(known).sorted().joined(separator: ", "))"
            throw UsageError("no bot '\(name)'\(nearest)")
        }
        let places = Set([own?.file].compactMap { $0 } + sources.filter { $0.base.file == own?.file }.compactMap { $0.overlay?.file })
        let errors = loaded.errors.filter { places.contains($0.position.file) }
        guard errors.isEmpty else { throw ConfigurationProblem(errors.map(\.description).joined(separator: "\n")) }
        warnings = loaded.warnings.filter { places.contains($0.position.file) }.map(\.description)
        configuration = own?.configuration ?? BotConfiguration(name: name)
        guard configuration.isEnabled else {
            throw ConfigurationProblem("\(name) is disabled (bot.enabled in \(own?.file ?? "its configuration"))")
        }
        botType = builtIn ?? BotRegistry.custom

        var settings = RuntimeSettings(bot: name)
        settings.replica = try invocation.integer("replica", in: 1...1_000) ?? 1
        settings.delivery = DeliveryMode(rawValue: invocation["delivery"] ?? "") ?? .exactlyOnce
        settings.limits.drain = Int64(try invocation.integer("drain", in: 0...3_600) ?? 25) * 1_000
        settings.restarts = try invocation.integer("restarts", in: 0...Int.max)
        settings.lastEnd = invocation["last-end"].map { String($0.prefix(256)) }
        self.settings = settings

        var brokers = environment
        if let addresses = invocation["brokers"] { brokers["KAFKA_BOOTSTRAP_SERVERS"] = addresses }
        client = try ClientSettings.fromEnvironment(brokers)
        try client.validate()
    }

    func run() throws {
        let monitoring = configuration.monitoring
        let logger = Logger(
            bot: configuration.name, instance: settings.instance, level: Logger.Level(rawValue: monitoring.logLevel.rawValue) ?? .info,
            format: Logger.Format(rawValue: monitoring.logFormat.rawValue) ?? .json, redactor: Redactor(environment: environment))
        for warning in warnings { logger.warn(warning) }
        try FileManager.default.createDirectory(atPath: dataDirectory, withIntermediateDirectories: true)
        let sandbox = waiting { [environment] in await Sandbox.detect(environment: environment) }
        logger.info(sandbox.capability.text)
        let performers = try CallPerformers.standard(
            dataDirectory: dataDirectory, sandbox: sandbox, configuration: configuration, environment: environment)
        let port = try invocation.integer("health-port", in: 0...65_535) ?? 0
        var options = ProcessOptions(
            settings: settings, client: client, configuration: configuration, catalogue: catalogue, performers: performers,
            groupInstanceID: invocation["group-instance-id"], healthPort: UInt16(port), logger: logger)
        options.healthHost = invocation["health-host"] ?? options.healthHost
        options.stateDirectory = dataDirectory + "/state"
        try launch(botType, options)
    }

    private func launch<B: Bot>(_: B.Type, _ options: ProcessOptions) throws {
        let bot: B
        do {
            bot = try B(configuration: configuration)
        } catch {
            throw ConfigurationProblem("\(configuration.name): \(error)")
        }
        let missing = bot.contract.calls.filter { !options.performers.kinds.contains($0) }
        if !missing.isEmpty {
            options.logger.warn("this process cannot perform \(missing.map(\.name).joined(separator: ", ")); such calls fail")
        }
        try BotProcess.run(bot, options)
    }

    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    /// Waits on the main thread, which no task needs, for something asynchronous.
    private func waiting<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
        let box = Box<Value>()
        let done = DispatchSemaphore(value: 0)
        Task {
            let value = await body()
            box.value.withLock { $0 = value }
            done.signal()
        }
        done.wait()
        return box.value.withLock { $0! }
    }

    private final class Box<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }
}
