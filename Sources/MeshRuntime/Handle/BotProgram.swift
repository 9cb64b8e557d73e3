import BotKit
import Envelopes

/// A bot without its types: what the engine works with.
protocol BotProgram: Sendable {
    var contract: Contract { get }
    var isStateful: Bool { get }
    func aggregate(of event: Event) throws(Rejection) -> String
    func handle(_ input: ProgramInput, state: (any BotState)?, context: Context) throws(Rejection) -> ProgramResult
    func decodeState(_ bytes: [UInt8]) throws -> any BotState
}

enum ProgramInput {
    case event(Event)
    case finished(any BotCall, CallOutcome, event: Event)
    case reminder(Reminder, event: Event)
}

/// The effects of one `handle`, without the bot's types.
struct ProgramResult {
    var outputs: [any BotOutput] = []
    var calls: [any BotCall] = []
    var reminders: [Reminder] = []
    var state: (any BotState)?
}

/// Gives a bot its types back.
struct TypedProgram<B: Bot>: BotProgram {
    let bot: B

    var contract: Contract { bot.contract }
    var isStateful: Bool { B.State.self != Never.self }

    func aggregate(of event: Event) throws(Rejection) -> String { try bot.aggregate(of: event) }

    func handle(_ input: ProgramInput, state: (any BotState)?, context: Context) throws(Rejection) -> ProgramResult {
        let typed: Input<B.Call> =
            switch input {
            case .event(let event): .event(event)
            case .finished(let call, let outcome, let event): .finished(call as! B.Call, outcome, event: event)
            case .reminder(let reminder, let event): .reminder(reminder, event: event)
            }
        var typedState = state.map { $0 as! B.State }
        var result = ProgramResult()
        for effect in try bot.handle(typed, state: &typedState, context: context) {
            switch effect {
            case .produce(let output): result.outputs.append(output)
            case .perform(let call): result.calls.append(call)
            case .remind(let reminder): result.reminders.append(reminder)
            }
        }
        result.state = typedState
        return result
    }

    func decodeState(_ bytes: [UInt8]) throws -> any BotState { try JSONCoder.decode(from: bytes) as B.State }
}
