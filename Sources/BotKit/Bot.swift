import Envelopes

/// A bot: a pure function from an input and a state to effects. The runtime does everything else.
///
/// `handle` may not touch the outside: no clock, no file, no network, no randomness. The same input, state and context always give the same
/// effects; after a crash the runtime calls it again with the recorded results of calls and relies on that.
public protocol Bot: Sendable {
    /// What the bot remembers of one aggregate (an environment, an alert …) between inputs. `Never` for a bot that remembers nothing.
    associatedtype State: BotState = Never
    /// The event types that the bot can produce: a closed enum, so that nothing else compiles.
    associatedtype Output: BotOutput
    /// The outside work that the bot can ask for: a closed enum. `Never` for a bot that asks for none.
    associatedtype Call: BotCall = Never

    static var contract: Contract { get }
    /// The contract of this instance: what the runtime goes by. Default: the static one. A bot whose configuration says what it consumes and
    /// produces (a custom bot, a bot with rules) narrows or fills it here.
    var contract: Contract { get }

    /// Takes the checked configuration. Throws when a setting has a form that only this bot can judge.
    init(configuration: BotConfiguration) throws(ConfigurationError)

    /// The aggregate that an event belongs to. Asked only of bots with a state; all inputs of one aggregate are handled in order, one at a time.
    /// Default: the key of the record, else the correlation id.
    func aggregate(of event: Event) throws(Rejection) -> String

    /// Decides. `state` is nil for an aggregate not seen before; setting it to nil forgets the aggregate.
    func handle(_ input: Input<Call>, state: inout State?, context: Context) throws(Rejection) -> [Effect<Output, Call>]

    /// The same for the runtime, which does not know the bot's types: the call and the state must be of them. No bot writes its own.
    func handleUntyped(_ input: UntypedInput, state: (any BotState)?, context: Context) throws(Rejection) -> UntypedEffects
}

extension Bot {
    public var contract: Contract { Self.contract }

    /// Whether bots of this type remember anything between inputs.
    public static var hasState: Bool { State.self != Never.self }
    /// Whether it remembers anything between inputs.
    public var isStateful: Bool { Self.hasState }

    public func aggregate(of event: Event) throws(Rejection) -> String { event.key ?? event.envelope.correlationID }
}

/// The state of one aggregate; kept as JSON in `state.<bot>`.
public protocol BotState: Codable, Sendable, Equatable {}
extension Never: BotState {}

/// An event that a bot can produce.
public protocol BotOutput: Sendable {
    /// Every type that a value of this enum can have.
    static var types: [EventType] { get }
    /// Default: the payload's own. A payload whose Swift type serves several event types (a step's log, a custom bot's event) says it here.
    var eventType: EventType { get }
    var payload: any EventPayload { get }
    /// nil: the priority of the event that led to it.
    var priority: Priority? { get }
    /// nil: the payload's own key.
    var key: String? { get }
}

extension BotOutput {
    public var eventType: EventType { type(of: payload).type }
    public var priority: Priority? { nil }
    public var key: String? { payload.key }
}

/// An event as a bot sees it. A class, so that handing it on costs nothing; it never changes.
public final class Event: Sendable, Equatable {
    public let envelope: Envelope
    private let keyBytes: [UInt8]?

    public convenience init(envelope: Envelope, key: String? = nil) { self.init(envelope: envelope, keyBytes: key.map { Array($0.utf8) }) }

    /// The same with the key as it stands in the record.
    public init(envelope: Envelope, keyBytes: [UInt8]?) {
        self.envelope = envelope
        self.keyBytes = keyBytes
    }

    /// The record's key as text; nil when it had none or was not UTF-8. Made each time that it is asked for, since most bots do not.
    public var key: String? { keyBytes.flatMap { String(validating: $0, as: UTF8.self) } }

    public var type: EventType { envelope.type }

    /// The keys byte for byte, also where they are no text.
    public static func == (left: Event, right: Event) -> Bool {
        left === right || left.envelope == right.envelope && left.keyBytes == right.keyBytes
    }

    /// The payload as `Payload`; a rejection (permanent, code `invalid-payload`) when it has another form.
    public func decode<Payload: EventPayload>(_ type: Payload.Type = Payload.self) throws(Rejection) -> Payload {
        do {
            return try envelope.decode(type)
        } catch {
            throw .permanent("invalid-payload", error.description)
        }
    }
}

/// What a bot is told.
public enum Input<Call: BotCall>: Sendable {
    /// An event that started or continues something.
    case event(Event)
    /// A call came back. `event` is the event whose handling asked for it.
    case finished(Call, CallOutcome, event: Event)
    /// A reminder that the bot set has come due. `event` is the event whose handling set it.
    case reminder(Reminder, event: Event)
}

/// What the bot may know beside its input. All of it is recorded, so that a repeat gets the same.
public struct Context: Sendable, Equatable {
    /// When the input is handled, by the runtime's clock; the same again when the handling is repeated after a crash.
    public let now: Timestamp
    /// Identifies the run that the event started: derived from its id, the bot and nothing else, so it is the same after a crash, and unique.
    public var runID: String { run.id }
    private let run: Run
    /// 1 for the first try of this record, counted across restarts.
    public let attempt: Int
    /// The instance's name, e.g. `BuildBot-2`.
    public let instance: String

    public init(now: Timestamp, runID: String, attempt: Int = 1, instance: String = "") {
        self.init(now: now, run: .named(runID), attempt: attempt, instance: instance)
    }

    /// The same with a run's id that is only made when somebody asks for it.
    public init(now: Timestamp, run: Run, attempt: Int, instance: String) {
        self.now = now
        self.run = run
        self.attempt = attempt
        self.instance = instance
    }
}

/// What one bot does because of one event.
public enum Run: Sendable, Equatable {
    case named(String)
    /// The id is `RunID.derived` of these.
    case derived(event: EventID, bot: String, replay: String?)

    public var id: String {
        switch self {
        case .named(let id): id
        case .derived(let event, let bot, let replay): RunID.derived(event: event, bot: bot, replay: replay)
        }
    }
}

/// What a bot wants done. Effects of one `handle` become visible together or not at all.
public enum Effect<Output: BotOutput, Call: BotCall>: Sendable {
    case produce(Output)
    /// Ask for outside work. Calls of one `handle` run side by side; each comes back as `Input.finished`.
    case perform(Call)
    /// Come back to this aggregate later, durably.
    case remind(Reminder)
}

/// A durable timer. A later reminder with the same name of the same aggregate does not replace it; the bot compares with its state.
public struct Reminder: Codable, Sendable, Equatable {
    public let name: String
    public let after: Duration

    /// Units: `after` is 0 s to 30 days.
    public init(name: String, after: Duration) {
        self.name = name
        self.after = after
    }
}

/// Why a bot cannot handle an input.
public struct Rejection: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: String, Sendable { case transient, permanent }
    /// Transient: try again later, then dead-letter. Permanent: dead-letter now.
    public let kind: Kind
    /// A short stable word for programs, e.g. `invalid-payload`. It becomes `mesh_error_code`.
    public let code: String
    /// What happened and what to do, for people. Never a payload or a secret.
    public let message: String

    public init(kind: Kind, code: String, message: String) {
        self.kind = kind
        self.code = code
        self.message = message
    }

    public static func permanent(_ code: String, _ message: String) -> Rejection {
        Rejection(kind: .permanent, code: code, message: message)
    }
    public static func transient(_ code: String, _ message: String) -> Rejection {
        Rejection(kind: .transient, code: code, message: message)
    }

    public var description: String { "\(message) (\(code))" }
}
