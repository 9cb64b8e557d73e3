import BotKit
import Envelopes

/// What was found out about an event before the engine takes it in.
enum EarlyDecision: Sendable {
    /// No trigger of the configuration chooses it.
    case filtered
    case handled(Handled)

    /// What the bot decides.
    final class Handled: Sendable {
        let priority: Priority
        /// When it was told.
        let at: Moment
        /// Why there is nothing.
        let rejection: Rejection?
        /// What became of its outputs.
        let made: Results.Made
        /// What it wants beside them; nil for nothing.
        let rest: UntypedEffects?
        /// Of what was made.
        let bytes: Int

        fileprivate init(
            _ priority: Priority, at moment: Moment, rejection: Rejection? = nil, made: consuming Results.Made = Results.Made(),
            rest: consuming UntypedEffects? = nil
        ) {
            self.priority = priority
            at = moment
            self.rejection = rejection
            bytes = made.bytes
            self.made = made
            self.rest = rest
        }

        /// Whether so little time has passed that nobody can tell the difference: a record that waited longer is handled when its turn comes.
        func isFresh(at moment: Moment) -> Bool { moment.uptime - at.uptime < 1_000 }
    }

    var handled: Handled? { if case .handled(let handled) = self { handled } else { nil } }
}

/// Calls `handle` ahead of the engine, and makes the events of what it produces. Any thread.
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
    func decide(_ event: Event, _ carried: Carried?, at moment: Moment) -> EarlyDecision? {
        let envelope = event.envelope
        guard envelope.replay == nil, !envelope.isExpired(at: moment.wall) else { return nil }
        let priority: Priority?
        do throws(Rejection) { priority = try routes.priority(of: envelope, results.codec) } catch { return nil }
        guard let priority else { return .filtered }
        let run = Run.derived(event: envelope.id, bot: results.contract.name, replay: nil)
        do throws(Rejection) {
            let context = Context(now: moment.wall, run: run, attempt: 1, instance: instance)
            var effects = try bot.handleUntyped(.event(event), state: nil, context: context)
            var made = Results.Made()
            try results.produce(effects.outputs, because: Cause(event, carried, run: run, at: moment.wall), into: &made) { _, _ in false }
            effects.outputs = []
            let rest = effects.reminders.isEmpty && effects.calls.isEmpty ? nil : effects
            return .handled(.init(priority, at: moment, made: consume made, rest: rest))
        } catch {
            return .handled(.init(priority, at: moment, rejection: error))
        }
    }
}
