/// When calls to one outside dependency are held back, and how it is found out that it works again.
public struct BreakerPolicy: Sendable, Equatable {
    /// So many failures one after another open the breaker. 1...1000.
    public var failures: Int
    /// How long it stays open before calls are let through on trial. 0.1 s to 1 h.
    public var pause: Duration
    /// So many calls are let through on trial; it closes when all of them have succeeded, and opens again when one fails. 1...100.
    public var probes: Int

    public init(failures: Int = 5, pause: Duration = .seconds(5), probes: Int = 1) {
        self.failures = failures
        self.pause = pause
        self.probes = probes
    }
}

/// The breakers' policies of one bot.
public struct BreakerPolicies: Sendable, Equatable {
    public var standard: BreakerPolicy
    /// Those of single dependencies, by their names: a kind of call such as `notify.slack`, or one server such as `http:docs.example.org` (`CallKind.isByServer`).
    public var byDependency: [String: BreakerPolicy]

    public init(standard: BreakerPolicy = BreakerPolicy(), byDependency: [String: BreakerPolicy] = [:]) {
        self.standard = standard
        self.byDependency = byDependency
    }

    /// The dependency's own policy, else that of its kind of call, else the standard one.
    public func policy(of dependency: String, kind: CallKind) -> BreakerPolicy {
        byDependency[dependency] ?? byDependency[kind.name] ?? standard
    }
}
