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
        /// How often the breaker had opened before, and how many calls had succeeded that counted.
        let opening: Int
        var successes = 0
        var isTrial: Bool { trial != nil }
    }

    let policy: BreakerPolicy
    private(set) var state: State = .closed
    /// One after another, while it is closed.
    private var failures = 0
    /// Counts the half-open states: what a call of an earlier one brings says nothing any more.
    private var trial = 0
    /// Calls on trial that have not ended, and those that have succeeded.
    private(set) var running = 0
    private var passed = 0
    /// When it let a call begin last.
    private(set) var admitted: Int64 = .min
    /// How often it has opened.
    private(set) var openings = 0
    /// How many calls have succeeded that counted; and how many had when it opened last.
    private(set) var successes = 0
    private(set) var successesAtOpening = 0

    init(_ policy: BreakerPolicy = BreakerPolicy()) { self.policy = policy }

    /// Lets a call begin; nil when it is held back. After the pause the permits are for calls on trial: as many as are asked for. Where
    /// none has failed for a pause, and then for twice as long each time, it is one more: a call may take much longer than it takes to see that the other side is back.
    mutating func admit(at uptime: Int64) -> Permit? {
        guard isAdmitting(at: uptime) else { return nil }
        admitted = uptime
        switch state {
        case .closed: return Permit(trial: nil, opening: openings, successes: successes)
        case .open:
            state = .halfOpen
            trial += 1
            (running, passed) = (1, 0)
        case .halfOpen: running += 1
        }
        return Permit(trial: trial, opening: openings, successes: successes)
    }

    /// Whether `admit` would let a call begin.
    func isAdmitting(at uptime: Int64) -> Bool {
        switch state {
        case .closed: true
        case .open(let until): uptime >= until
        case .halfOpen:
            !isSpare || uptime - pause << min(running + passed - policy.probes, Self.doublings) >= admitted
        }
    }

    /// Whether the next call on trial is one more than are asked for.
    var isSpare: Bool { state == .halfOpen && running + passed >= policy.probes }

    /// In milliseconds; a month at most.
    private var pause: Int64 { min(max(1, policy.pause.wholeMilliseconds), 30 * 86_400_000) }
    private static let doublings = 20

    /// The call succeeded. While the breaker is not closed only calls of the trial at hand bring it nearer to that; when it is, those that began since it opened count.
    mutating func succeeded(_ permit: Permit) {
        switch state {
        case .closed where permit.opening == openings: failures = 0
        case .halfOpen where permit.trial == trial:
            running -= 1
            passed += 1
            if passed >= policy.probes { (state, failures) = (.closed, 0) }
        // Another call of its trial has failed before: this one tells all the same that the other side answers.
        case _ where permit.isTrial: break
        default: return
        }
        successes += 1
    }

    /// The other side failed: a transient failure or a time-out. Of a call that began before the breaker last opened it is known already.
    mutating func failed(_ permit: Permit, at uptime: Int64) {
        switch state {
        case .closed where permit.opening == openings:
            failures += 1
            if failures >= policy.failures { open(at: uptime) }
        case .halfOpen where permit.trial == trial: open(at: uptime)
        case .closed, .halfOpen, .open: break
        }
    }

    /// The call ended without saying anything about the other side, for example by being cancelled, or by a failure of its own, which may not even have reached it:
    /// another may be tried in its place.
    mutating func ended(_ permit: Permit) {
        if state == .halfOpen, permit.trial == trial { running -= 1 }
    }

    private mutating func open(at uptime: Int64) {
        failures = 0
        openings += 1
        successesAtOpening = successes
        state = .open(until: uptime + pause)
    }

    /// How much would be forgotten with it: failures in a row; nil: it holds calls back, or watches some.
    func weight(at uptime: Int64) -> Int? {
        switch state {
        case .closed: failures
        case .open(let until): uptime >= until ? policy.failures : nil
        case .halfOpen: running == 0 ? policy.failures : nil
        }
    }
}

/// The breakers of a process, one for each dependency that was called.
struct Breakers: Sendable {
    /// So many are kept; the one of which least is known gives way to a new one, of several the one whose last call began first. Where all hold calls back, calls to what is new are not held back.
    static let maximum = 256

    private let policies: BreakerPolicies
    private var table: [String: CircuitBreaker] = [:]

    init(_ policies: BreakerPolicies = BreakerPolicies()) { self.policies = policies }

    subscript(_ dependency: String) -> CircuitBreaker? { table[dependency] }

    /// Dependencies and their states, by name.
    var states: [(dependency: String, state: CircuitBreaker.State)] {
        table.sorted { $0.key < $1.key }.map { ($0.key, $0.value.state) }
    }

    /// Whether `admit` would let a call begin.
    func isAdmitting(_ dependency: String, at uptime: Int64) -> Bool { table[dependency]?.isAdmitting(at: uptime) ?? true }

    /// How many calls are on trial.
    var trials: Int { table.values.reduce(0) { $0 + ($1.state == .halfOpen ? $1.running : 0) } }

    /// Whether the next call would be one on trial beyond those that are asked for.
    func isSpare(_ dependency: String) -> Bool { table[dependency]?.isSpare ?? false }

    private func leastKnown(at uptime: Int64) -> String? {
        table.compactMap { name, breaker in breaker.weight(at: uptime).map { (name, $0, breaker.admitted) } }
            .min { ($0.1, $0.2, $0.0) < ($1.1, $1.2, $1.0) }?.0
    }

    mutating func admit(_ dependency: String, kind: CallKind, at uptime: Int64) -> CircuitBreaker.Permit? {
        if table[dependency] == nil {
            if table.count >= Self.maximum {
                guard let least = leastKnown(at: uptime) else { return CircuitBreaker.Permit(trial: nil, opening: 0) }
                table[least] = nil
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
