import Envelopes

/// What a bot consumes, produces, may call, how it retries, and what it must never do. One declaration: subscriptions, in-process checks,
/// broker ACLs and documents come from it.
public struct Contract: Sendable, Equatable {
    /// The bot's name as it stands in envelopes and configuration, e.g. `BuildBot`. Also names its consumer group.
    public let name: String
    /// One sentence: its single responsibility.
    public let summary: String
    /// The event types that may start it. A configuration chooses among these. `*` stands for one word, `#` for zero or more.
    public let consumes: [EventType]
    /// The event types that it may produce. Equal to what its `Output` can be; a test keeps it so.
    public let produces: [EventType]
    /// The kinds of outside work that it may ask for. Equal to what its `Call` can be; a test keeps it so.
    public let calls: [CallKind]
    /// Events that every replica sees at once, outside the lanes, and that cancel the calls of the run they name.
    public let cancels: [CancelSignal]
    public let retry: RetryPolicy
    /// The steps that its configuration may use as an action's `type`, beside `execute`, `message` and `http`.
    public let steps: [String]
    /// What the actions of its configuration are to each other.
    public let actionForm: ActionForm
    /// What it must never do, in words, for documents.
    public let never: [String]
    /// What its permissions are when the configuration names none: resource → actions.
    public let permissions: [Permission]

    public init(
        name: String, summary: String, consumes: [EventType], produces: [EventType], calls: [CallKind] = [], cancels: [CancelSignal] = [],
        retry: RetryPolicy = .standard, steps: [String] = [], actionForm: ActionForm = .run, never: [String] = [],
        permissions: [Permission] = []
    ) {
        self.name = name
        self.summary = summary
        self.consumes = consumes
        self.produces = produces
        self.calls = calls
        self.cancels = cancels
        self.retry = retry
        self.steps = steps
        self.actionForm = actionForm
        self.never = never
        self.permissions = permissions
    }
}

/// What the actions of a configuration are to each other.
public enum ActionForm: Sendable {
    /// One run from the first: each must be reachable from it.
    case run
    /// Each stands for itself, e.g. a channel or a check.
    case set
}

/// An event that cancels a run.
public struct CancelSignal: Sendable, Equatable {
    public let type: EventType
    /// The field of the payload that holds the run's id, e.g. `build_id`.
    public let runField: String

    public init(type: EventType, runField: String) {
        self.type = type
        self.runField = runField
    }
}

/// A resource and what may be done with it. What is not listed is refused.
public struct Permission: Sendable, Equatable {
    public let resource: String
    public let actions: [String]

    public init(resource: String, actions: [String]) {
        self.resource = resource
        self.actions = actions
    }
}

/// How a bot meets a transient failure.
public struct RetryPolicy: Sendable, Equatable {
    public enum Mode: String, Sendable {
        /// The record goes to `retry.<bot>` and the records behind it go on.
        case topic
        /// The record keeps its place, and its lane waits: for bots whose order matters more than flow.
        case inPlace = "in-place"
    }
    public enum Backoff: String, Sendable, CaseIterable { case fixed, linear, exponential }

    public var mode: Mode
    /// How often a record is tried in all, the first try included. 1...100.
    public var maximumAttempts: Int
    public var backoff: Backoff
    public var initialDelay: Duration
    /// No delay is longer than this, jitter included.
    public var maximumDelay: Duration

    public init(mode: Mode = .topic, maximumAttempts: Int, backoff: Backoff, initialDelay: Duration, maximumDelay: Duration) {
        self.mode = mode
        self.maximumAttempts = maximumAttempts
        self.backoff = backoff
        self.initialDelay = initialDelay
        self.maximumDelay = maximumDelay
    }

    /// Three attempts, 5 s, doubling, 5 minutes at most.
    public static let standard = RetryPolicy(
        maximumAttempts: 3, backoff: .exponential, initialDelay: .seconds(5), maximumDelay: .seconds(300))
}
