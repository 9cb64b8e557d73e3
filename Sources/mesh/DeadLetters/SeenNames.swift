import BotKit
import Bots
import Terminal

/// Names that dead letters have, and those of bots that may have none, for whoever mistypes one.
struct SeenNames {
    private var bots: Set<String> = []
    private var codes: Set<String> = []
    /// The broker's retry topics: a bot of this mesh has one, also where its configuration is elsewhere.
    private var retryTopics: Set<String> = []
    private static let most = 10_000

    mutating func add(_ letter: DeadLetter) {
        if let bot = letter.bot, bots.count < Self.most { bots.insert(bot) }
        if codes.count < Self.most { codes.insert(letter.code) }
    }

    /// Takes the names of all topics that the broker has.
    mutating func know(topics: Set<String>) { retryTopics = topics.filter { $0.hasPrefix(OwnTopic.retry) } }

    /// What is wrong with the names that a person gave: a bot that nobody knows, or a reason that no dead letter has and that is near to one that some have.
    /// A bot that is known and has no dead letters is no mistake.
    func problem(bots wanted: [String], reasons: [String]) -> UsageError? {
        let known = knownBots
        let lower = Set(known.map { $0.lowercased() })
        if let name = wanted.first(where: { !lower.contains($0.lowercased()) }) { return .unknown("bot", name, among: known) }
        for code in reasons where !codes.contains(code) {
            guard let near = NearestName.of(code, in: codes) else { continue }
            return UsageError("no dead letter has the reason '\(code.printable)'; did you mean '\(near.printable)'?")
        }
        return nil
    }

    /// As they are written; of a bot that is known by its retry topic alone, in lower case.
    private var knownBots: Set<String> {
        let names = bots.union(BotRegistry.all.map { $0.contract.name })
        let lower = Set(names.map { OwnTopic.retryTopic(of: $0) })
        return names.union(retryTopics.subtracting(lower).map { String($0.dropFirst(OwnTopic.retry.count)) })
    }

    /// Throws the problem with `--bot` and `--reason`.
    func check(_ invocation: Invocation) throws(UsageError) {
        if let problem = problem(bots: invocation.all("bot"), reasons: invocation.all("reason")) { throw problem }
    }
}
