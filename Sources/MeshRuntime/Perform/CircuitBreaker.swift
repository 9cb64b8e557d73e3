import BotKit

/// Holds calls to one outside dependency back after repeated failures, and lets some through after a while to see whether it is back.
///
/// Times are milliseconds of the monotonic clock.
struct CircuitBreaker: Sendable {
    enum State: Sendable, Equatable {
        case closed
        case open(until: Int64)
        /// Calls are on trial.
        case halfOpen
    }

    /// A call that may begin.
    struct Permit: Sendable, Equatable {
        /// The trial that the call belongs to; nil for a call of a closed breaker.
        let trial: Int?
        var isTrial: Bool { trial != nil }
    }

    let policy: BreakerPolicy
    private(set) var state: State = .closed
    /// One after another, while it is closed.
    private var failures = 0
    /// Counts the half-open states: what a call of an earlier one brings says nothing any more.
    private var trial = 0
    /// Calls on trial that have not ended, and those that have succeeded.
    private var running = 0
    private var passed = 0

    init(_ policy: BreakerPolicy = BreakerPolicy()) { self.policy = policy }

    /// Lets a call begin; nil when it is held back. After the pause the permits are for calls on trial.
    mutating func admit(at uptime: Int64) -> Permit? {
        switch state {
        case .closed: return Permit(trial: nil)
        case .open(let until):
            guard uptime >= until else { return nil }
            state = .halfOpen
            trial += 1
            (running, passed) = (1, 0)
            return Permit(trial: trial)
        case .halfOpen:
            guard running + passed < policy.probes else { return nil }
            running += 1
            return Permit(trial: trial)
        }
    }

    /// The call succeeded, or failed for a reason of its own. While the breaker is not closed only calls on trial count.
    mutating func succeeded(_ permit: Permit) {
        switch state {
        case .closed: failures = 0
        case .halfOpen where permit.trial == trial:
            running -= 1
            passed += 1
            guard passed >= policy.probes else { return }
            state = .closed
            failures = 0
        case .halfOpen, .open: break
        }
    }

    /// The other side failed: a transient failure or a time-out.
    mutating func failed(_ permit: Permit, at uptime: Int64) {
        switch state {
        case .closed:
            failures += 1
            if failures >= policy.failures { open(at: uptime) }
        case .halfOpen where permit.trial == trial: open(at: uptime)
        case .halfOpen, .open: break
        }
    }

    /// The call ended without saying anything about the other side, for example by being cancelled: another may be tried in its place.
    mutating func ended(_ permit: Permit) {
        if state == .halfOpen, permit.trial == trial { running -= 1 }
    }

    private mutating func open(at uptime: Int64) {
        failures = 0
        state = .open(until: uptime + max(1, policy.pause.wholeMilliseconds))
    }
}

/// The breakers of a process, one for each dependency that was called.
struct Breakers: Sendable {
    /// So many are kept; a closed one gives way to a new one. Where none is closed, calls to what is new are not held back.
    static let maximum = 256

    private let policies: BreakerPolicies
    private var table: [String: CircuitBreaker] = [:]

    init(_ policies: BreakerPolicies = BreakerPolicies()) { self.policies = policies }

    subscript(_ dependency: String) -> CircuitBreaker? { table[dependency] }

    /// Dependencies and their states, by name.
    var states: [(dependency: String, state: CircuitBreaker.State)] {
        table.sorted { $0.key < $1.key }.map { ($0.key, $0.value.state) }
    }

    func isClosed(_ dependency: String) -> Bool { table[dependency].map { $0.state == .closed } ?? true }

    mutating func admit(_ dependency: String, kind: CallKind, at uptime: Int64) -> CircuitBreaker.Permit? {
        if table[dependency] == nil {
            if table.count >= Self.maximum {
                guard let closed = table.first(where: { $0.value.state == .closed })?.key else { return CircuitBreaker.Permit(trial: nil) }
                table[closed] = nil
            }
            table[dependency] = CircuitBreaker(policies.policy(of: dependency, kind: kind))
        }
        return table[dependency]?.admit(at: uptime)
    }

    /// Changes the breaker of `dependency`, and returns it when its state became another one.
    mutating func change(_ dependency: String, _ body: (inout CircuitBreaker) -> Void) -> CircuitBreaker? {
        guard var breaker = table[dependency] else { return nil }
        let before = breaker.state
        body(&breaker)
        table[dependency] = breaker
        return breaker.state == before ? nil : breaker
    }
}
