import BotKit
import Bots
import Envelopes
import Kafka
import Terminal
import Topology

/// What a person's words mean for a replay, and whether they can be meant.
enum ReplayWords {
    static func order(_ invocation: Invocation, now: Timestamp = .now) throws(UsageError) -> ReplayOrder {
        let resumed = invocation["resume"]
        let replay = resumed.map { ReplayID($0) } ?? ReplayID(at: now)
        guard let replay else { throw UsageError("'\((resumed ?? "").printable)' is no replay's id: mesh replay prints it when it begins") }
        if resumed != nil, invocation.has("dry-run") { throw UsageError("--resume and --dry-run exclude each other") }
        return ReplayOrder(
            replay: replay, isResumed: resumed != nil, target: try target(invocation), filter: try RecordFilter(invocation),
            pace: try ReplayPace(rate: invocation.integer("rate", in: 1...10_000_000), speed: invocation["speed"]),
            maximum: try invocation.integer("max", in: 1...Int.max), allowsCalls: invocation.has("allow-calls"),
            takesReplays: invocation.has("replayed"), before: invocation["file"] == nil ? replay.began : nil,
            isDryRun: invocation.has("dry-run"))
    }

    private static func target(_ invocation: Invocation) throws(UsageError) -> ReplayTarget {
        switch (invocation["into"], invocation["to-bot"]) {
        case (nil, nil): return .origin
        case (let topic?, nil): return .topic(topic)
        case (nil, let bot?): return .bot(bot)
        case (.some, .some): throw UsageError("--into and --to-bot exclude each other")
        }
    }

    static func targets(_ target: ReplayTarget, _ chosen: [String]) -> [String] {
        switch target {
        case .origin: chosen
        case .topic(let name): [name]
        case .bot(let bot): [OwnTopic.retryTopic(of: bot)]
        }
    }

    /// Throws a `UsageError` where the target is not there, or where the bot would not take what is chosen. Gives what the bot consumes; nil where the target
    /// is none.
    @discardableResult
    static func check(_ target: ReplayTarget, _ chosen: [String], _ map: TopicMap, _ invocation: Invocation) throws -> [EventPattern]? {
        switch target {
        case .origin: return nil
        case .topic(let name):
            try map.require(name)
            if OwnTopic.isOwn(name) { throw UsageError("\(name) is the mesh's own. For one bot: --to-bot BOT") }
            return nil
        case .bot(let bot):
            let consumed = try consumed(by: bot, invocation)
            guard map.partitions[OwnTopic.retryTopic(of: bot)] != nil else {
                throw UsageError("\(bot) has no topic \(OwnTopic.retryTopic(of: bot)) here. Make it: mesh topics apply")
            }
            if let foreign = chosen.first(where: { !isConsumed($0, consumed) }) { throw UsageError(refusal(of: foreign, bot, consumed)) }
            return consumed
        }
    }

    static func isConsumed(_ topic: String, _ consumed: [EventPattern]) -> Bool { consumed.contains { $0.matches(EventType(topic)) } }

    static func refusal(of topic: String, _ bot: String, _ consumed: [EventPattern]) -> String {
        "\(bot) does not consume \(topic). It consumes: \(consumed.map(\.description).joined(separator: ", "))"
    }

    /// What the bot's contract, or a custom bot's triggers, say that it consumes.
    private static func consumed(by bot: String, _ invocation: Invocation) throws -> [EventPattern] {
        if let known = BotRegistry.all.first(where: { $0.contract.name == bot }) {
            return known.contract.consumes.compactMap { try? EventPattern(parsing: $0.name) }
        }
        let home = try Home.find(invocation.environment)
        let loaded = ConfigurationLoader.load(
            try ConfigurationFiles.sources(directory: invocation["config-dir"].map(absolute) ?? home.bots, environment: nil),
            knowledge: ConfigurationKnowledge(
                bots: BotRegistry.all, custom: BotRegistry.custom, catalogue: try CatalogueLoader.load(directory: home.topics)))
        guard let custom = loaded[bot] else {
            let names = Set(BotRegistry.all.map { $0.contract.name }).union(loaded.bots.map { $0.configuration.name })
            throw UsageError.unknown("bot", bot, among: names.sorted())
        }
        return custom.configuration.triggers.filter { $0.kind == .event }.compactMap { try? EventPattern(parsing: $0.pattern) }
    }
}

/// Copies the audit of a file into `mesh.audit`, byte for byte, so that bots find the results of the original calls there.
enum AuditCopy {
    static func copy(_ path: String, _ settings: ClientSettings, stop: StopSign, isResumed: Bool) throws {
        guard path != "-" else { throw UsageError("--audit reads the file twice: it cannot be standard input") }
        // A replay has an id to resume only once its copy is whole: what was copied before is not copied again.
        if isResumed { return }
        let source = try FileSource(path, try TopicChoice([AuditRecord.topic]))
        let producer = try Producer(settings)
        defer { producer.close(timeout: .seconds(5)) }
        while let record = try source.next(stop) {
            try producer.send(
                OutgoingRecord(topic: AuditRecord.topic, key: record.key, value: record.value, headers: record.headers),
                patience: .seconds(30))
        }
        // A call whose result is missing ends its record as skipped, for good: nothing is replayed upon half a copy.
        guard !stop.isSet else { throw CommandFailure("stopped before the audit was copied: nothing was replayed") }
        try producer.flush(timeout: .seconds(60))
        for delivery in producer.deliveries() { if let error = delivery.error { throw error } }
    }
}
