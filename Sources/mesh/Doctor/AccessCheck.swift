import Kafka
import Topology

/// Whether a broker's access rules let each bot do what its contract says. Pure.
struct AccessCheck {
    let bots: [BotAccess]
    /// The broker's rules, as far as librdkafka can read them: without those about transactional ids.
    let rules: [AccessRule]

    /// From where a bot may do something.
    private enum Extent { case nowhere, someHosts, everywhere }

    var findings: [Finding] {
        let found = bots.flatMap { bot in
            let wanted = bot.rules.filter { $0.resource != .transactionalID }
            return findings(bot.bot, wanted: Dictionary(grouping: wanted, by: extent))
        }
        guard found.isEmpty else { return found }
        return [.fine("access", "\(bots.count) bots may do what their contracts say (rules about transactional ids cannot be read)")]
    }

    private func findings(_ bot: String, wanted: [Extent: [AccessRule]]) -> [Finding] {
        func names(_ rules: [AccessRule]) -> String {
            some(rules.map { "\($0.operation.kafkaName.lowercased()) \($0.resource.text) \($0.name)" })
        }
        let mend = "mesh acl print \(bot) > acls.sh && sh acls.sh (or --form strimzi)"
        var findings: [Finding] = []
        if let missing = wanted[.nowhere] { findings.append(.problem("access", "\(bot) may not: \(names(missing))", mend: mend)) }
        if let partly = wanted[.someHosts] {
            // Which hosts the bot runs on, and how the brokers see their addresses, is not known here.
            findings.append(
                .warning(
                    "access", "\(bot) may only from some hosts: \(names(partly))", mend: "run it only there, or allow it from all: \(mend)")
            )
        }
        return findings
    }

    /// A rule that denies counts before all that allow; one for a host tells nothing of the others.
    private func extent(_ wanted: AccessRule) -> Extent {
        let matching = rules.filter { covers($0, wanted) }
        let (allowing, denying) = (matching.filter { $0.permission == .allow }, matching.filter { $0.permission == .deny })
        if allowing.isEmpty || denying.contains(where: { $0.host == "*" }) { return .nowhere }
        return denying.isEmpty && allowing.contains { $0.host == "*" } ? .everywhere : .someHosts
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
