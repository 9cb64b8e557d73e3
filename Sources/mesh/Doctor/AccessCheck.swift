import Kafka
import Topology

/// Whether a broker's access rules let each bot do what its contract says. Pure.
struct AccessCheck {
    let bots: [BotAccess]
    /// The broker's rules, as far as librdkafka can read them: without those about transactional ids.
    let rules: [AccessRule]

    var findings: [Finding] {
        let lacking = bots.compactMap { bot -> (bot: String, rules: [AccessRule])? in
            let missing = bot.rules.filter { $0.resource != .transactionalID && !isAllowed($0) }
            return missing.isEmpty ? nil : (bot.bot, missing)
        }
        guard !lacking.isEmpty else {
            return [.fine("access", "\(bots.count) bots may do what their contracts say (rules about transactional ids cannot be read)")]
        }
        return lacking.map { bot, missing in
            let what = missing.map { "\($0.operation.kafkaName.lowercased()) \($0.resource.text) \($0.name)" }
            return .problem(
                "access", "\(bot) may not: \(some(what))", mend: "mesh acl print \(bot) > acls.sh && sh acls.sh (or --form strimzi)")
        }
    }

    /// A rule that denies counts before all that allow.
    private func isAllowed(_ wanted: AccessRule) -> Bool {
        let matching = rules.filter { covers($0, wanted) }
        return matching.contains { $0.permission == .allow } && !matching.contains { $0.permission == .deny }
    }

    private func covers(_ rule: AccessRule, _ wanted: AccessRule) -> Bool {
        // Strimzi's users have the bot's name in lower case.
        let principals = [wanted.principal, wanted.principal.replacing("User:", with: "").lowercased().withUser, "User:*"]
        guard rule.resource == wanted.resource, principals.contains(rule.principal) else { return false }
        guard rule.operation == wanted.operation || rule.operation == .all else { return false }
        return rule.pattern == .prefixed ? wanted.name.hasPrefix(rule.name) : rule.name == wanted.name || rule.name == "*"
    }
}

extension String {
    fileprivate var withUser: String { "User:" + self }
}
