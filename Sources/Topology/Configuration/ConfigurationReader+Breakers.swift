import BotKit
import Envelopes

extension ConfigurationReader {
    private static let breakerKeys = ["failures", "pause", "probes"]
    /// So many dependencies may have a policy of their own.
    private static let mostBreakers = 256

    /// `constraints.circuit_breaker`: one policy for all outside dependencies, and those of single ones.
    func breakers(_ fields: Fields) -> BreakerPolicies {
        var policies = BreakerPolicies()
        guard let section = fields.section("circuit_breaker", keys: Self.breakerKeys + ["dependencies"]) else { return policies }
        policies.standard = breaker(section, BreakerPolicy())
        guard let node = section["dependencies"] else { return policies }
        let path = section.at("dependencies")
        guard let pairs = node.pairs else {
            section.wrong("dependencies", node, expected: "a mapping from a dependency to its limits, e.g. notify.slack: { pause: 30 }")
            return policies
        }
        if pairs.count > Self.mostBreakers {
            sink.error(node.position, path, "\(path) has \(pairs.count) entries", expected: "at most \(Self.mostBreakers)")
            return policies
        }
        for pair in pairs {
            check(dependency: pair.key, pair.keyPosition, "\(path).\(pair.key)")
            guard let own = Fields(pair.value, path: "\(path).\(pair.key)", keys: Self.breakerKeys, sink: sink) else { continue }
            policies.byDependency[pair.key] = breaker(own, policies.standard)
        }
        return policies
    }

    private func breaker(_ fields: Fields, _ standard: BreakerPolicy) -> BreakerPolicy {
        var policy = standard
        if let failures = fields.integer("failures", in: 1...1_000) { policy.failures = failures }
        if let pause = fields.seconds("pause", in: 0.1...3_600) { policy.pause = pause }
        if let probes = fields.integer("probes", in: 1...100) { policy.probes = probes }
        return policy
    }

    /// A dependency is a kind of call that the bot can make, or one server of such a kind.
    private func check(dependency name: String, _ position: SourcePosition, _ path: String) {
        // A custom bot's actions make two kinds of calls.
        let kinds = contract.map(\.calls) ?? [Execute.kind, HTTPCall.kind]
        if kinds.contains(CallKind(name)) { return }
        let servers = kinds.filter(\.isByServer).map { "\($0):" }.sorted()
        if servers.contains(where: { name.hasPrefix($0) && name.utf8.count > $0.utf8.count }), name == name.lowercased() { return }
        let names = kinds.map(\.name).sorted()
        sink.error(
            position, path, "the bot does not depend on '\(name.prefix(80))'",
            expected: names.isEmpty
                ? "nothing: it makes no calls"
                : "one of \((names + servers.map { "\($0)HOST" }).joined(separator: ", "))\(servers.isEmpty ? "" : ", the host in lower case")",
            nearest: NearestName.of(name, in: names))
    }
}
