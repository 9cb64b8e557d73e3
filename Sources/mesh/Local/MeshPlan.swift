import BotKit
import Bots
import Envelopes
import Glibc
import Kafka
import Terminal
import Topology

/// What shall run: the catalogue, the checked configuration of every bot, and how many processes each gets.
struct MeshPlan {
    /// The shipped types, and those that custom bots bring.
    private(set) var catalogue: EventCatalogue
    let bots: [BotConfiguration]

    /// Throws all problems of the configuration at once; warnings go to standard error. Variables of the environment that it names must be set, unless the plan
    /// is `onlyLookedAt`.
    init(_ invocation: Invocation, home: Home, onlyLookedAt: Bool = false) throws {
        catalogue = try CatalogueLoader.load(directory: home.topics)
        let directory = invocation["config-dir"].map(absolute) ?? home.bots
        var variables = invocation.environment
        variables["MESH_DATA_DIR"] = invocation.dataDirectory
        let loaded = ConfigurationLoader.load(
            try ConfigurationFiles.sources(directory: directory, environment: invocation["env"]),
            knowledge: ConfigurationKnowledge(bots: BotRegistry.all, custom: BotRegistry.custom, catalogue: catalogue), isWholeMesh: true,
            variables: onlyLookedAt ? nil : variables)
        for warning in loaded.warnings { Terminal.write("\(warning)\n", to: STDERR_FILENO) }
        guard loaded.errors.isEmpty else {
            throw CommandFailure(
                "the configuration has \(loaded.errors.count) problems:\n" + loaded.errors.map(\.description).joined(separator: "\n"))
        }
        bots = loaded.bots.map(\.configuration).filter(\.isEnabled)
        for definition in loaded.ownEvents(beside: catalogue) { catalogue.add(definition) }
    }

    /// How many instances of each bot to run, and for which of them the command line says so; a `UsageError` for a bot that is not there.
    func replicas(only names: [String], replicas: [String]) throws -> (all: [String: Int], given: Set<String>) {
        let known = bots.map(\.name)
        func check(_ name: String) throws {
            guard !known.contains(name) else { return }
            throw UsageError(
                "no enabled bot '\(name)'"
                    + (NearestName.of(name, in: known).map { "; did you mean '\($0)'?" } ?? ". There are: \(known.joined(separator: ", "))")
            )
        }
        var counts: [String: Int] = [:]
        for word in replicas.flatMap({ $0.split(separator: ",") }) {
            let parts = word.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let count = Int(parts[1]), (1...64).contains(count) else {
                throw UsageError("--replicas takes BOT=N with N from 1 to 64, not '\(word)'")
            }
            try check(String(parts[0]))
            counts[String(parts[0])] = count
        }
        for name in names { try check(name) }
        let chosen = known.filter { names.isEmpty || names.contains($0) }
        return (
            Dictionary(chosen.map { ($0, counts[$0] ?? 1) }, uniquingKeysWith: { first, _ in first }),
            Set(counts.keys).intersection(chosen)
        )
    }

    /// The partitions of what each bot reads; of one with a state those of its inbox, through which all its inputs go.
    var inputPartitions: [String: [String: Int]] {
        var result: [String: [String: Int]] = [:]
        for bot in bots {
            let type = BotRegistry.all.first { $0.contract.name == bot.name }
            let consumes = type?.contract.consumes ?? bot.triggers.filter { $0.kind == .event }.map { EventType($0.pattern) }
            let isInbox = type?.hasState ?? false
            let topics =
                isInbox
                ? catalogue.topics(ofBot: bot.name, isStateful: true).filter { $0.type.domain == "inbox" }
                : consumes.compactMap { catalogue[$0] }
            for topic in topics { result[bot.name, default: [:]][topic.type.name] = topic.partitions }
        }
        return result
    }

    /// The bots whose own topics there shall be. Custom bots remember nothing between runs.
    var topicOwners: [(name: String, isStateful: Bool)] {
        bots.map { bot in (bot.name, BotRegistry.all.contains { $0.contract.name == bot.name && $0.hasState }) }
    }

    /// What each bot may do at a broker that has access rules.
    func access() throws -> [BotAccess] {
        try zip(contracts(), bots).map { contract, configuration in
            try BotAccess(contract: contract, configuration: configuration, catalogue: catalogue)
        }
    }

    /// The contract of each bot as it is configured, in the order of `bots`.
    func contracts() throws -> [Contract] {
        try bots.map { configuration in
            let type = BotRegistry.all.first { $0.contract.name == configuration.name } ?? BotRegistry.custom
            return try type.init(configuration: configuration).contract
        }
    }

    /// Creates what the broker lacks. What needs force is left to `mesh topics apply --force`.
    func applyTopics(_ settings: ClientSettings, _ progress: Progress) throws {
        let admin = try AdminClient(settings)
        defer { admin.close() }
        let applier = TopicApplier(admin)
        let plan = try applier.plan(catalogue, bots: topicOwners)
        for warning in plan.warnings { progress.say("topics", warning) }
        let done = try applier.apply(plan)
        progress.say("topics", done.isEmpty ? "all in place" : "\(done.count) made or changed")
    }
}
