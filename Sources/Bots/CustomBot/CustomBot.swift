import BotKit
import Envelopes

/// A bot that its configuration alone defines: a graph of actions that run commands, call servers and produce events.
///
/// A run begins at the first action. After each action it goes on with `on_success` or `on_failure`; without one it ends. A run that ends on a failed action without
/// `on_failure` has failed: its record is tried again as the retry policy says, and dead-lettered in the end.
public struct CustomBot: Bot {
    /// What a custom bot may do at most; `contract` is narrower.
    public static let contract = Contract(
        name: "CustomBot", summary: "Runs the actions of its configuration.", consumes: [], produces: [], calls: CustomCall.kinds,
        never: ["Produce an event that its configuration does not name.", "Let a shell read a value as code."])

    public let contract: Contract
    let name: String
    let version: String
    let actions: [CustomAction]
    private let indices: [String: Int]
    let runTimeLimit: Duration
    let memoryBytes: Int?
    let environment: [String: String]
    /// A failed command is tried again only where the configuration has a retry policy: repeating it may be unwelcome.
    private let retriesFailures: Bool

    /// The most actions of one run, so that a cycle ends.
    static let maximumSteps = 100

    public init(configuration: BotConfiguration) throws(ConfigurationError) {
        name = configuration.name
        version = configuration.version
        let permissions = configuration.permissions
        var actions: [CustomAction] = []
        for (index, action) in configuration.actions.enumerated() {
            actions.append(try CustomAction(action, index: index, permissions: permissions))
        }
        guard !actions.isEmpty else { throw ConfigurationError(path: "actions", message: "a custom bot needs at least one action") }
        let indices = Dictionary(zip(actions.map(\.name), actions.indices), uniquingKeysWith: { first, _ in first })
        for (index, action) in actions.enumerated() {
            for (key, target) in [("on_success", action.onSuccess), ("on_failure", action.onFailure)] {
                if let target, indices[target] == nil {
                    throw ConfigurationError(path: "actions[\(index)].\(key)", message: "there is no action '\(target)'")
                }
            }
        }
        self.actions = actions
        self.indices = indices
        runTimeLimit = configuration.constraints.timeout
        memoryBytes = configuration.constraints.resources.memoryBytes
        environment = configuration.environment
        retriesFailures = configuration.constraints.retry != nil
        let isFired = configuration.triggers.contains { $0.kind == .schedule || $0.kind == .manual }
        let events = configuration.triggers.filter { $0.kind == .event }.map { EventType($0.pattern) }
        contract = Contract(
            name: configuration.name, summary: configuration.description.isEmpty ? "A custom bot." : configuration.description,
            consumes: Set(events + (isFired ? [ScheduleFired.type] : [])).sorted(),
            produces: Set(actions.compactMap(\.produced)).sorted(), calls: Set(actions.compactMap(\.call)).sorted { $0.name < $1.name },
            retry: configuration.constraints.retry ?? .standard, never: Self.contract.never, permissions: permissions ?? [])
    }

    public func handle(
        _ input: Input<CustomCall>, state: inout Never?, context: Context
    ) throws(Rejection) -> [Effect<CustomOutput, CustomCall>] {
        switch input {
        case .event(let event):
            return try advance(CustomRun(action: actions[0].name), event, context)
        case .finished(let call, let outcome, let event): return try finished(call, outcome, event, context)
        case .reminder: return []
        }
    }

    /// Goes on until an action needs outside work, or the run ends.
    private func advance(_ begun: CustomRun, _ event: Event, _ context: Context) throws(Rejection) -> [Effect<CustomOutput, CustomCall>] {
        var run = begun
        var effects: [Effect<CustomOutput, CustomCall>] = []
        while true {
            guard let index = indices[run.action] else {
                throw .permanent(
                    "unknown-action", "\(name): the run stands at the action '\(run.action)', which the configuration no longer has")
            }
            let action = actions[index]
            run.steps += 1
            guard run.steps <= Self.maximumSteps else {
                throw .permanent("too-many-actions", "\(name): a run of more than \(Self.maximumSteps) actions; it goes round in a circle")
            }
            let values = try CustomValues(bot: self, run: run, event: event, context: context)
            switch action.work {
            case .execute(let execute):
                let request = execute.request(action.name, values, memoryBytes: memoryBytes, limit: limit(of: action))
                effects.append(.perform(.execute(request, run)))
                return effects
            case .http(let http):
                effects.append(.perform(.http(http.request(values, limit: limit(of: action)), run)))
                return effects
            case .message(let message): effects.append(.produce(message.output(values)))
            case .notification(let notification): effects.append(.produce(notification.output(values)))
            }
            guard let next = action.onSuccess else { return effects }
            run.action = next
        }
    }

    /// What the action may take. Its run's limit bounds it too, but not by the clock: what the run waits for a dependency does not count.
    private func limit(of action: CustomAction) -> Duration { min(action.timeout ?? runTimeLimit, runTimeLimit) }

    private func finished(
        _ call: CustomCall, _ outcome: CallOutcome, _ event: Event, _ context: Context
    ) throws(Rejection) -> [Effect<CustomOutput, CustomCall>] {
        var run = call.run
        guard let index = indices[run.action] else { return try advance(run, event, context) }
        let action = actions[index]
        let result = CustomResult(call, outcome, expected: action.expectedStatus)
        if case .failure(let failure) = outcome, failure.kind == .cancelled { return [] }
        run.outputs[action.name] = result.outputs(keeping: usedOutputs(of: action.name))
        if let next = result.failure == nil ? action.onSuccess : action.onFailure {
            run.action = next
            return try advance(run, event, context)
        }
        if let failure = result.failure { throw failed(action.name, failure, isTransient: result.isTransient || retriesFailures) }
        return []
    }

    private func failed(_ action: String, _ reason: String, isTransient: Bool) -> Rejection {
        Rejection(
            kind: isTransient ? .transient : .permanent, code: "run-failed", message: "\(name): the action '\(action)' failed: \(reason)")
    }

    /// Only what a later action names travels with the run.
    private func usedOutputs(of name: String) -> Set<String> {
        Set(
            actions.flatMap(\.names).compactMap { used in
                let words = used.split(separator: ".", maxSplits: 2)
                return words.count >= 2 && words[0] == name ? String(words[1]) : nil
            })
    }
}

/// An event that a custom bot produces.
public struct CustomOutput: BotOutput, Equatable {
    /// Only the configuration knows them.
    public static let types: [EventType] = []
    public let eventType: EventType
    public let content: JSONValue
    public let priority: Priority?
    public let key: String?

    public init(eventType: EventType, content: JSONValue, priority: Priority? = nil, key: String? = nil) {
        self.eventType = eventType
        self.content = content
        self.priority = priority
        self.key = key
    }

    public var payload: any EventPayload { RawPayload(content, key: key) }
}

/// The outside work of a custom bot; the run so far travels with it.
public enum CustomCall: BotCall {
    case execute(Execute, CustomRun)
    case http(HTTPCall, CustomRun)

    public static let kinds: [CallKind] = [Execute.kind, HTTPCall.kind]

    public var request: any CallRequest {
        switch self {
        case .execute(let request, _): request
        case .http(let request, _): request
        }
    }

    var run: CustomRun {
        switch self {
        case .execute(_, let run), .http(_, let run): run
        }
    }
}

/// How far a run has come.
public struct CustomRun: Codable, Sendable, Equatable {
    /// The action that it stands at.
    public var action: String
    public var steps = 0
    /// What finished actions left behind, by their names; only what other actions use.
    public var outputs: [String: JSONValue] = [:]

    public init(action: String) { self.action = action }
}
