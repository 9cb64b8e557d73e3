import Envelopes

/// What a bot is told, without the bot's types.
public enum UntypedInput: Sendable {
    case event(Event)
    case finished(any BotCall, CallOutcome, event: Event)
    case reminder(Reminder, event: Event)
}

/// An event that a bot produces, as it goes into an envelope.
public struct UntypedOutput: Sendable {
    public let type: EventType
    public let version: Int
    /// JSON text.
    public let payload: [UInt8]
    public let priority: Priority?
    public let key: String?

    @inlinable public init(_ output: some BotOutput) throws(Rejection) {
        let payload = output.payload
        do { self.payload = try payload.jsonBytes() } catch { throw .permanent("unwritable-output", error.description) }
        type = output.eventType
        version = Swift.type(of: payload).version
        priority = output.priority
        key = output.key
    }
}

/// The effects of one `handle`, without the bot's types.
public struct UntypedEffects: Sendable {
    public var outputs: [UntypedOutput] = []
    public var calls: [any BotCall] = []
    public var reminders: [Reminder] = []
    public var state: (any BotState)?

    @inlinable public init() {}
}

extension Bot {
    /// Inlinable, so that each bot's module makes one that knows its types.
    @inlinable
    public func handleUntyped(_ input: UntypedInput, state: (any BotState)?, context: Context) throws(Rejection) -> UntypedEffects {
        let typed: Input<Call> =
            switch input {
            case .event(let event): .event(event)
            case .finished(let call, let outcome, let event): .finished(call as! Call, outcome, event: event)
            case .reminder(let reminder, let event): .reminder(reminder, event: event)
            }
        var typedState = state.map { $0 as! State }
        var effects = UntypedEffects()
        for effect in try handle(typed, state: &typedState, context: context) {
            switch effect {
            case .produce(let output): effects.outputs.append(try UntypedOutput(output))
            case .perform(let call): effects.calls.append(call)
            case .remind(let reminder): effects.reminders.append(reminder)
            }
        }
        effects.state = typedState
        return effects
    }
}
