import BotKit
import Bots
import Envelopes
import Kafka
import Terminal
import Topology

/// Starts a bot by hand, under the name of one of its manual triggers.
enum TriggerCommand {
    static let all = [
        Command(
            "trigger", summary: "Start a bot that has a manual trigger",
            discussion: "Writes one schedule.fired for the bot, which takes it as it takes its schedules.", json: WrittenEvent.form,
            arguments: [
                Argument("BOT", help: "the bot's name"),
                Argument(
                    "NAME", .optional, help: "the manual trigger's name, or a schedule's pattern; absent, the bot's only manual trigger"),
            ],
            flags: [
                Flag("env", value: "NAME", environment: "MESH_ENV", help: "the overlay of deploy/bots that is used"),
                Flag("config-dir", value: "DIR", environment: "MESH_CONFIG_DIR", help: "the bots' configuration; absent, deploy/bots"),
                .format,
            ],
            run: trigger)
    ]

    @Sendable private static func trigger(_ invocation: Invocation) throws -> Int32 {
        let home = try Home.find(invocation.environment)
        let knowledge = ConfigurationKnowledge(
            bots: BotRegistry.all, custom: BotRegistry.custom, catalogue: try CatalogueLoader.load(directory: home.topics))
        let directory = invocation["config-dir"].map(absolute) ?? home.bots
        let mesh = ConfigurationLoader.load(
            try ConfigurationFiles.sources(directory: directory, environment: invocation["env"]), knowledge: knowledge)
        let name = invocation.arguments[0]
        guard let bot = mesh[name]?.configuration else {
            let names = mesh.bots.map(\.configuration.name)
            throw UsageError("no bot '\(name)'" + (NearestName.of(name, in: names).map { "; did you mean '\($0)'?" } ?? ""))
        }
        let manual = bot.triggers.filter { $0.kind == .manual }.map(\.pattern)
        let known = manual + bot.triggers.filter { $0.kind == .schedule }.map(\.pattern)
        guard let chosen = invocation.arguments.dropFirst().first ?? (manual.count == 1 ? manual[0] : nil) else {
            throw UsageError(
                manual.isEmpty ? "\(name) has no manual trigger" : "\(name) has several triggers: \(manual.joined(separator: ", "))")
        }
        guard known.contains(chosen) else {
            let hint = NearestName.of(chosen, in: known).map { "; did you mean '\($0)'?" } ?? ". It has: \(known.joined(separator: ", "))"
            throw UsageError("\(name) has no trigger '\(chosen)'" + hint)
        }
        let envelope = try EventPublisher(settings: try invocation.settings()).publish(
            ScheduleFired(bot: name, schedule: chosen, firedAt: Timestamp.now.text))
        try Output(invocation).written(envelope, subject: name, "triggered \(name): \(chosen), run \(envelope.correlationID)")
        return 0
    }
}
