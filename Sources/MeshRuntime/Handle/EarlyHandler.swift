import BotKit
import Envelopes

/// What was found out about an event before the engine takes it in.
enum EarlyDecision: Sendable {
    /// No trigger of the configuration chooses it.
    case filtered
    case handled(Handled)

    /// What the bot decides.
    struct Handled: Sendable {
        let priority: Priority
        /// When it was told.
        let at: Moment
        let outcome: Result<Decision, Rejection>
        /// Of what was made.
        let bytes: Int

        fileprivate init(_ priority: Priority, at moment: Moment, _ outcome: Result<Decision, Rejection>) {
            self.priority = priority
            at = moment
            self.outcome = outcome
            guard case .success(let decision) = outcome else {
                bytes = 0
                return
            }
            bytes = decision.made.records.reduce(0) { $0 + $1.byteCount } + decision.made.events.reduce(0) { $0 + $1.payload.count }
        }

        /// Whether so little time has passed that nobody can tell the difference: a record that waited longer is handled when its turn comes.
        func isFresh(at moment: Moment) -> Bool { moment.uptime - at.uptime < 1_000 }
    }

    struct Decision: Sendable {
        /// Without the outputs, of which `made` was made.
        let result: UntypedEffects
        let made: Results.Made
    }

    var handled: Handled? { if case .handled(let handled) = self { handled } else { nil } }
}

/// Calls `handle` ahead of the engine, and makes the records of what it produces. Any thread.
///
/// `handle` is pure, so where a bot has no state its decision depends on the event alone. Whether it counts is the engine's to say: a duplicate's does not.
final class EarlyHandler: Sendable {
    private let bot: any Bot
    private let routes: Routes
    private let results: Results
    private let instance: String

    /// nil for a bot whose decisions depend on more, or whose records mostly wait: for calls, or for their rate.
    init?(_ bot: any Bot, _ routes: Routes, _ results: Results) {
        guard !bot.isStateful, bot.contract.calls.isEmpty, results.configuration.constraints.rateLimit == nil else { return nil }
        self.bot = bot
        self.routes = routes
        self.results = results
        instance = results.settings.instance
    }

    /// What becomes of an event that comes for the first time; nil when the engine has to see to it: what a replay may do depends on its marks,
    /// and the bot is not told of what has expired.
    func decide(_ event: Event, _ passport: Passport, at moment: Moment) -> EarlyDecision? {
        let envelope = event.envelope
        guard envelope.replay == nil, !envelope.isExpired(at: moment.wall) else { return nil }
        let priority: Priority?
        do throws(Rejection) { priority = try routes.priority(of: envelope, results.codec) } catch { return nil }
        guard let priority else { return .filtered }
        let run = Run.derived(event: envelope.id, bot: results.contract.name, replay: nil)
        do throws(Rejection) {
            let context = Context(now: moment.wall, run: run, attempt: 1, instance: instance)
            var result = try bot.handleUntyped(.event(event), state: nil, context: context)
            var made = Results.Made()
            try results.produce(result.outputs, because: Cause(event, passport, run: run, at: moment.wall), into: &made) { _, _ in false }
            result.outputs = []
            return .handled(.init(priority, at: moment, .success(.init(result: result, made: made))))
        } catch {
            return .handled(.init(priority, at: moment, .failure(error)))
        }
    }
}
