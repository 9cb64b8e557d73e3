import BotKit
import Envelopes
import Terminal

/// Names that the audit has, for whoever mistypes one. Bounded.
struct AuditNames {
    private var actors: Set<String> = []
    private var actions: Set<String> = []
    /// The broker's topics.
    private let topics: Set<String>
    private static let most = 10_000

    init(topics: Set<String> = []) { self.topics = topics }

    mutating func add(_ record: AuditRecord) {
        if actors.count < Self.most { actors.insert(record.actor) }
        if actions.count < Self.most { actions.insert(record.action) }
    }

    /// What is wrong with the names that a person gave: an actor that is not in the audit and is no bot of this mesh, or an action that nobody did and that is
    /// near to one that somebody did.
    func problem(actor: String?, action: String?) -> UsageError? {
        if let actor, !actors.isEmpty, let problem = problem(actor) { return problem }
        guard let action, !action.contains("*"), !actions.contains(action), let near = NearestName.of(action, in: actions) else {
            return nil
        }
        return UsageError("no action '\(action.printable)' is in the audit; did you mean '\(near.printable)'?")
    }

    private func problem(_ actor: String) -> UsageError? {
        let bots = KnownBots.names(seen: [], topics: topics)
        // Of a bot that only its retry topic tells of, nobody knows how it is written.
        let isBot = bots.contains(actor) || bots.contains(actor.lowercased())
        guard !isBot, !actors.contains(where: { AuditSelection.isActor($0, actor) }) else { return nil }
        // Persons are named without the mark that nobody has verified them, bots with or without their replica.
        let mark = " (unverified)"
        let known = actors.map { $0.hasSuffix(mark) ? String($0.dropLast(mark.count)) : $0 }
        let names = Set(known).union(known.map(RunTimeline.bot)).union(bots)
        return UsageError("nobody called '\(actor.printable)' is in the audit" + nearest(actor, among: names))
    }
}
