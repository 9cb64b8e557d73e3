import BotKit
import Envelopes
import Glibc

/// What the test bots are told to do.
struct Work: EventPayload {
    static let type: EventType = "work.requested"
    var name: String
    var number: Int
    /// plain, call, calls, chain, flaky (rejected as transient until the third attempt), hopeless (always transient), poison, remind, remindAndCall.
    var how: String
    var key: String? { name }
}

struct WorkStarted: EventPayload {
    static let type: EventType = "work.started"
    var number: Int
    var key: String?
}

struct WorkDone: EventPayload {
    static let type: EventType = "work.done"
    var name: String
    var number: Int
    /// What a stateful bot has counted of this name.
    var total: Int
    var key: String? { name }
}

struct Effort: CallRequest {
    struct Response: Codable, Sendable, Equatable { var number: Int }
    static let kind: CallKind = "effort"
    var number: Int
    var step: Int
    var timeLimit: Duration { .seconds(60) }
    /// Two sites: numbers from 1,000 on are done at the far one.
    var dependency: String { number < 1_000 ? "effort" : "effort:far" }
}

enum WorkCall: BotCall {
    case effort(Effort)
    static let kinds: [CallKind] = [Effort.kind]
    var request: any CallRequest {
        switch self {
        case .effort(let effort): effort
        }
    }
}

enum WorkOutput: BotOutput {
    case started(WorkStarted)
    case done(WorkDone)
    static let types: [EventType] = [WorkStarted.type, WorkDone.type]
    var payload: any EventPayload {
        switch self {
        case .started(let event): event
        case .done(let event): event
        }
    }
}

/// Decides without memory.
struct WorkBot: Bot {
    static let contract = Contract(
        name: "WorkBot", summary: "For tests.", consumes: [Work.type, ScheduleFired.type], produces: WorkOutput.types,
        calls: WorkCall.kinds,
        retry: RetryPolicy(maximumAttempts: 3, backoff: .exponential, initialDelay: .seconds(1), maximumDelay: .seconds(10)))
    init(configuration: BotConfiguration) throws(ConfigurationError) {}

    func handle(_ input: Input<WorkCall>, state: inout Never?, context: Context) throws(Rejection) -> [Effect<WorkOutput, WorkCall>] {
        try decide(input, total: 0, context)
    }
}

/// The same in place: the order of a key matters more than its flow.
struct OrderedBot: Bot {
    static let contract = Contract(
        name: "OrderedBot", summary: "For tests.", consumes: [Work.type], produces: WorkOutput.types, calls: WorkCall.kinds,
        retry: RetryPolicy(mode: .inPlace, maximumAttempts: 3, backoff: .fixed, initialDelay: .seconds(1), maximumDelay: .seconds(10)))
    init(configuration: BotConfiguration) throws(ConfigurationError) {}

    func handle(_ input: Input<WorkCall>, state: inout Never?, context: Context) throws(Rejection) -> [Effect<WorkOutput, WorkCall>] {
        try decide(input, total: 0, context)
    }
}

/// Asks for many things at once, and is done when all are there.
struct ManyCallsBot: Bot {
    static let contract = Contract(
        name: "ManyCallsBot", summary: "For tests.", consumes: [Work.type], produces: WorkOutput.types, calls: WorkCall.kinds)
    static let calls = 40
    init(configuration: BotConfiguration) throws(ConfigurationError) {}

    func handle(_ input: Input<WorkCall>, state: inout Never?, context: Context) throws(Rejection) -> [Effect<WorkOutput, WorkCall>] {
        switch input {
        case .event(let event):
            let work = try event.decode(Work.self)
            return (0..<Self.calls).map { .perform(.effort(Effort(number: work.number, step: $0))) }
        case .finished(.effort(let effort), _, _) where effort.step == 0:
            return [.produce(.done(WorkDone(name: "many", number: effort.number, total: 0)))]
        default: return []
        }
    }
}

/// Asks for nothing outside and has no state: what it decides is found out ahead of the engine.
struct PromptBot: Bot {
    static let contract = Contract(
        name: "PromptBot", summary: "For tests.", consumes: [Work.type], produces: WorkOutput.types,
        retry: RetryPolicy(maximumAttempts: 3, backoff: .exponential, initialDelay: .seconds(1), maximumDelay: .seconds(10)))
    init(configuration: BotConfiguration) throws(ConfigurationError) {}

    func handle(_ input: Input<Never>, state: inout Never?, context: Context) throws(Rejection) -> [Effect<WorkOutput, Never>] {
        let (work, isReminder): (Work, Bool) =
            switch input {
            case .event(let event): (try event.decode(), false)
            case .reminder(_, let event): (try event.decode(), true)
            }
        let done = Effect<WorkOutput, Never>.produce(.done(WorkDone(name: work.name, number: work.number, total: 0)))
        switch work.how {
        case "flaky" where context.attempt < 3: throw .transient("flaky", "not yet")
        case "hopeless": throw .transient("hopeless", "never")
        case "poison": throw .permanent("poison", "cannot")
        case "remind" where !isReminder: return [.remind(Reminder(name: "later", after: .seconds(30)))]
        case "plain", "flaky", "remind": return [done]
        default: return [.produce(.started(WorkStarted(number: work.number))), done]
        }
    }
}

/// The same, tried again where it is.
struct PromptInPlaceBot: Bot {
    static let contract = Contract(
        name: "PromptInPlaceBot", summary: "For tests.", consumes: [Work.type], produces: WorkOutput.types,
        retry: RetryPolicy(mode: .inPlace, maximumAttempts: 3, backoff: .fixed, initialDelay: .seconds(1), maximumDelay: .seconds(10)))
    private let prompt: PromptBot
    init(configuration: BotConfiguration) throws(ConfigurationError) { prompt = try PromptBot(configuration: configuration) }

    func handle(_ input: Input<Never>, state: inout Never?, context: Context) throws(Rejection) -> [Effect<WorkOutput, Never>] {
        try prompt.handle(input, state: &state, context: context)
    }
}

/// What DawdleBot is asked for.
struct Dawdle: EventPayload {
    static let type: EventType = "dawdle.requested"
    var number: Int
    var key: String? { "k\(number % 30)" }
}

/// Takes its time for each record, as plain code.
struct DawdleBot: Bot {
    static let contract = Contract(name: "DawdleBot", summary: "For tests.", consumes: [Dawdle.type], produces: WorkOutput.types)
    static let milliseconds = 25
    init(configuration: BotConfiguration) throws(ConfigurationError) {}

    func handle(_ input: Input<Never>, state: inout Never?, context: Context) throws(Rejection) -> [Effect<WorkOutput, Never>] {
        guard case .event(let event) = input else { return [] }
        let dawdle = try event.decode(Dawdle.self)
        usleep(UInt32(Self.milliseconds) * 1_000)
        return [.produce(.done(WorkDone(name: "dawdle", number: dawdle.number, total: 0)))]
    }
}

/// Counts what it has done of each name.
struct CountBot: Bot {
    struct State: BotState { var total: Int }
    static let contract = Contract(
        name: "CountBot", summary: "For tests.", consumes: [Work.type], produces: WorkOutput.types, calls: WorkCall.kinds,
        retry: RetryPolicy(maximumAttempts: 3, backoff: .exponential, initialDelay: .seconds(1), maximumDelay: .seconds(10)))
    init(configuration: BotConfiguration) throws(ConfigurationError) {}

    func aggregate(of event: Event) throws(Rejection) -> String { try event.decode(Work.self).name }

    func handle(_ input: Input<WorkCall>, state: inout State?, context: Context) throws(Rejection) -> [Effect<WorkOutput, WorkCall>] {
        let total = (state?.total ?? 0) + 1
        let effects = try decide(input, total: total, context)
        let isDone = effects.contains { if case .produce(.done) = $0 { true } else { false } }
        if isDone { state = State(total: total) }
        return effects
    }
}

private func decide(_ input: Input<WorkCall>, total: Int, _ context: Context) throws(Rejection) -> [Effect<WorkOutput, WorkCall>] {
    func done(_ work: Work) -> Effect<WorkOutput, WorkCall> {
        .produce(.done(WorkDone(name: work.name, number: work.number, total: total)))
    }
    switch input {
    case .event(let event):
        let work = try event.decode(Work.self)
        func effort(_ step: Int) -> Effect<WorkOutput, WorkCall> { .perform(.effort(Effort(number: work.number, step: step))) }
        switch work.how {
        case "plain": return [done(work)]
        case "twice": return [done(work), done(Work(name: work.name, number: -work.number, how: work.how))]
        case "call", "chain": return [.produce(.started(WorkStarted(number: work.number))), effort(0)]
        case "calls", "fork": return [.produce(.started(WorkStarted(number: work.number))), effort(0), effort(1)]
        case "flaky":
            guard context.attempt >= 3 else { throw .transient("flaky", "not yet") }
            return [done(work)]
        case "hopeless": throw .transient("hopeless", "never")
        case "remind": return [.remind(Reminder(name: "later", after: .seconds(30)))]
        case "remindAndCall": return [.remind(Reminder(name: "later", after: .seconds(30))), effort(0)]
        default: throw .permanent("poison", "cannot")
        }
    case .finished(.effort(let effort), let outcome, let event):
        let work = try event.decode(Work.self)
        // Of the two side by side only the second one's success counts: what is produced cannot be taken back by the other's failure.
        if ["calls", "fork"].contains(work.how), effort.step == 0 { return [] }
        switch outcome.response(to: effort) {
        case .failure(let failure): throw failure.rejection
        case .success:
            switch (work.how, effort.step) {
            case ("remindAndCall", _): return []
            case ("chain", 0), ("fork", 1): return [.perform(.effort(Effort(number: work.number, step: 2)))]
            default: return [done(work)]
            }
        }
    case .reminder(_, let event): return [done(try event.decode(Work.self))]
    }
}
