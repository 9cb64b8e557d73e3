import BotKit
import Bots
import Envelopes
import Terminal

/// Names that the audit has, for whoever mistypes one. Bounded.
struct AuditNames {
    private var actors: Set<String> = []
    private var actions: Set<String> = []
    private static let most = 10_000

    mutating func add(_ record: AuditRecord) {
        if actors.count < Self.most { actors.insert(record.actor) }
        if actions.count < Self.most { actions.insert(record.action) }
    }

    /// What is wrong with the names that a person gave: an actor that is not in the audit and is no bot that comes with the mesh, or an action that nobody did and
    /// that is near to one that somebody did.
    func problem(actor: String?, action: String?) -> UsageError? {
        let bots = BotRegistry.all.map { $0.contract.name }
        if let actor, !actors.isEmpty, !actors.contains(where: { AuditSelection.isActor($0, actor) }), !bots.contains(actor) {
            // Persons are named without the mark that nobody has verified them, bots with or without their replica.
            let known = actors.map { $0.hasSuffix(" (unverified)") ? String($0.dropLast(" (unverified)".count)) : $0 }
            let names = Set(known).union(known.map(RunTimeline.bot)).union(bots)
            return UsageError("nobody called '\(actor.printable)' is in the audit" + nearest(actor, among: names))
        }
        guard let action, !action.contains("*"), !actions.contains(action), let near = NearestName.of(action, in: actions) else {
            return nil
        }
        return UsageError("no action '\(action.printable)' is in the audit; did you mean '\(near.printable)'?")
    }
}
