import Envelopes
import Terminal

/// What a person wants of the bots: how many, running or not, how talkative.
enum ControlCommands {
    private static let flags = [
        Flag("no-wait", help: "only write what is wanted, and do not wait until it is so"),
        Flag.timeout("60s", help: "give up waiting after this time; what was asked for stays wanted"), .format,
    ]
    private static let json = """
        one object a thing that happens: event (wanted, warning, done, refused, timeout, stopped) with target and text, or event (state, gained, lost, log-level) with instance, \
        seconds, and state, partitions or level
        """
    private static let targets = [Argument("BOT[/N]", .oneOrMore, help: "a bot, or one of its instances, e.g. BuildBot or BuildBot/2")]

    static let all = [
        Command(
            "scale", summary: "Run so many instances of a bot, and show the partitions move",
            discussion: """
                Writes what is wanted to mesh.control, where every supervisor reads it, and waits until the instances say that it is so: the new ones run, the
                surplus ones (the highest numbers) have finished their work and ended, and each partition has one owner. More replicas than partitions are
                warned of. What is wanted outlives a restart of the mesh; mesh up --replicas says it anew.

                Examples:
                  mesh scale BuildBot=5
                  mesh scale BuildBot=1 TestBot=2 --timeout 2m
                """,
            json: json,
            arguments: [Argument("BOT=N", .oneOrMore, help: "a bot and how many instances of it, 0 to \(Wishes.maximumReplicas)")],
            flags: flags,
            run: { try ChangeRun($0).run(try scales($0.arguments)) }),
        Command(
            "pause", summary: "Let bots take nothing in; what runs goes on to its end",
            discussion: "A paused bot keeps its partitions. It goes on with: mesh resume",
            json: json, arguments: targets, flags: flags, run: { try ChangeRun($0).run(try states($0.arguments, .paused)) }),
        Command(
            "resume", summary: "Let paused bots go on, and start drained ones again",
            json: json, arguments: targets, flags: flags, run: { try ChangeRun($0).run(try states($0.arguments, .running)) }),
        Command(
            "drain", summary: "Let bots finish what runs, give their partitions up and end",
            discussion: "No supervisor starts a drained instance again, until: mesh resume",
            json: json, arguments: targets, flags: flags, run: { try ChangeRun($0).run(try states($0.arguments, .drained)) }),
        Command(
            "loglevel", summary: "Make a bot say more or less in its log, at once",
            discussion: "Example: mesh loglevel BuildBot/2 debug. The level `default` is what its configuration says.",
            json: json,
            arguments: [
                Argument("BOT[/N]", help: "a bot, or one of its instances"),
                Argument("LEVEL", help: "debug, info, warn, error, or default"),
            ], flags: flags, run: { try ChangeRun($0).run(try level($0.arguments)) }),
    ]

    /// Understands `BuildBot=5`, each bot once.
    static func scales(_ words: [String]) throws -> [(target: Target, change: Change)] {
        var seen: Set<String> = []
        return try words.map { word in
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, let count = Int(parts[1]), (0...Wishes.maximumReplicas).contains(count) else {
                throw UsageError("mesh scale takes BOT=N with N from 0 to \(Wishes.maximumReplicas), e.g. BuildBot=5, not '\(word)'")
            }
            guard seen.insert(String(parts[0])).inserted else { throw UsageError("\(parts[0]) was given twice") }
            return (Target(bot: String(parts[0]), replica: nil), .replicas(count))
        }
    }

    static func states(_ words: [String], _ state: ControlRecord.State) throws -> [(target: Target, change: Change)] {
        try words.map { (try target($0), .state(state)) }
    }

    static func level(_ words: [String]) throws -> [(target: Target, change: Change)] {
        let levels = ["debug", "info", "warn", "error", "default"]
        guard levels.contains(words[1]) else { throw UsageError.unknown("log level", words[1], among: levels) }
        return [(try target(words[0]), .logLevel(words[1] == "default" ? nil : words[1]))]
    }

    static func target(_ word: String) throws -> Target {
        guard let target = Target(word) else {
            throw UsageError("'\(word)' is no bot and no instance of one: BuildBot, or BuildBot/2 for its second instance")
        }
        return target
    }
}
