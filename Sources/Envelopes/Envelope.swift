/// The identity of an event: a UUID in everything that the mesh writes. What others wrote may be any text of 1 to 128 bytes without control characters.
///
/// Two records with the same id are the same event.
public struct EventID: Hashable, Sendable, CustomStringConvertible {
    let identifier: Identifier

    /// The longest id that is read, in UTF-8 bytes.
    public static let maximumBytes = 128

    /// Takes an id as it was written. Nil when it is empty, too long, or has control characters.
    public init?(_ text: String) {
        guard (1...Self.maximumBytes).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
        identifier = Identifier(text)
    }

    /// An id as the mesh makes them.
    public init(_ id: UniqueID) { identifier = Identifier(id) }

    /// Takes what is known to be legal.
    init(trusted identifier: Identifier) { self.identifier = identifier }

    public var text: String { identifier.text }

    /// The UUID that it is; nil for any other text, one in upper case too.
    public var unique: UniqueID? { identifier.unique }

    public var description: String { text }
}

/// How urgent an event is. Reorders what one process has taken in, never what lies in one partition.
public enum Priority: String, Sendable, CaseIterable, Comparable, Codable {
    case low, medium, high, critical

    private var rank: Int {
        switch self {
        case .low: 0
        case .medium: 1
        case .high: 2
        case .critical: 3
        }
    }
    public static func < (left: Priority, right: Priority) -> Bool { left.rank < right.rank }
}

/// The W3C trace context of a record (headers `traceparent` and `tracestate`), carried through unparsed.
public struct TraceContext: Hashable, Sendable {
    public var traceparent: String
    public var tracestate: String?

    public init(traceparent: String, tracestate: String? = nil) {
        self.traceparent = traceparent
        self.tracestate = tracestate
    }
}

/// What one record says: who, when, what, why, and the payload as JSON text.
///
/// A value, although its fields lie in one object: it is handed on often and seldom changed, and a copy costs one reference.
public struct Envelope: Sendable, Equatable {
    private var fields: Fields

    public var id: EventID {
        get { fields.id }
        set { own().id = newValue }
    }
    public var timestamp: Timestamp {
        get { fields.timestamp }
        set { own().timestamp = newValue }
    }
    /// The name of the bot that produced it, or of whatever else did.
    public var source: String {
        get { fields.source }
        set { own().source = newValue }
    }
    /// Informs only; it never routes.
    public var destination: String? {
        get { fields.destination }
        set { own().destination = newValue }
    }
    public var type: EventType {
        get { fields.type }
        set { own().type = newValue }
    }
    /// The version of the payload's schema; 1 when the record named none.
    public var version: Int {
        get { fields.version }
        set { own().version = newValue }
    }
    /// The payload: the UTF-8 text of one JSON object.
    public var payload: [UInt8] {
        get { fields.payload }
        set { own().payload = newValue }
    }
    public var priority: Priority {
        get { fields.priority }
        set { own().priority = newValue }
    }
    /// One per workflow run. The id of the first event of the run, when that event named none.
    public var correlationID: String {
        get { fields.correlation.text }
        set { own().correlation = Identifier(newValue) }
    }
    /// The id of the event that led to this one; nil for the first of a run.
    public var causationID: String? {
        get { fields.causation?.text }
        set { own().causation = newValue.map { Identifier($0) } }
    }
    /// How long after `timestamp` the event still matters; nil means for ever. Positive.
    public var timeToLive: Duration? {
        get { fields.timeToLive }
        set { own().timeToLive = newValue }
    }
    public var trace: TraceContext? {
        get { fields.trace }
        set { own().trace = newValue }
    }
    /// The replay that this record belongs to (header `mesh_replay`); part of its identity.
    public var replay: String? {
        get { fields.replay }
        set { own().replay = newValue }
    }

    public init(
        id: EventID, timestamp: Timestamp, source: String, destination: String? = nil, type: EventType, version: Int = 1, payload: [UInt8],
        priority: Priority = .medium, correlationID: String? = nil, causationID: String? = nil, timeToLive: Duration? = nil,
        trace: TraceContext? = nil, replay: String? = nil
    ) {
        fields = Fields(
            id: id, timestamp: timestamp, source: source, destination: destination, type: type, version: version, payload: payload,
            priority: priority, correlation: correlationID.map { Identifier($0) } ?? id.identifier,
            causation: causationID.map { Identifier($0) }, timeToLive: timeToLive, trace: trace, replay: replay)
    }

    /// An event that `cause` led to: of the same run and the same replay.
    public init(
        id: EventID, timestamp: Timestamp, source: String, destination: String? = nil, type: EventType, version: Int, payload: [UInt8],
        priority: Priority, because cause: Envelope, trace: TraceContext?
    ) {
        fields = Fields(
            id: id, timestamp: timestamp, source: source, destination: destination, type: type, version: version, payload: payload,
            priority: priority, correlation: cause.fields.correlation, causation: cause.id.identifier, timeToLive: nil, trace: trace,
            replay: cause.replay)
    }

    /// As the codec reads it.
    init(
        id: EventID, timestamp: Timestamp, source: String, destination: String?, type: EventType, version: Int, payload: [UInt8],
        priority: Priority, correlation: Identifier?, causation: Identifier?, timeToLive: Duration?, trace: TraceContext?, replay: String?
    ) {
        fields = Fields(
            id: id, timestamp: timestamp, source: source, destination: destination, type: type, version: version, payload: payload,
            priority: priority, correlation: correlation ?? id.identifier, causation: causation, timeToLive: timeToLive, trace: trace,
            replay: replay)
    }

    var correlation: Identifier { fields.correlation }
    var causation: Identifier? { fields.causation }

    /// The fields, to be changed: a copy where somebody else has them too.
    private mutating func own() -> Fields {
        if !isKnownUniquelyReferenced(&fields) { fields = fields.copy() }
        return fields
    }

    public static func == (left: Envelope, right: Envelope) -> Bool {
        left.fields === right.fields || left.fields.isEqual(to: right.fields)
    }
}

/// The storage of an envelope. Sendable although it can change: only a value that holds it alone changes it.
private final class Fields: @unchecked Sendable {
    var id: EventID
    var timestamp: Timestamp
    var source: String
    var destination: String?
    var type: EventType
    var version: Int
    var payload: [UInt8]
    var priority: Priority
    var correlation: Identifier
    var causation: Identifier?
    var timeToLive: Duration?
    var trace: TraceContext?
    var replay: String?

    init(
        id: EventID, timestamp: Timestamp, source: String, destination: String?, type: EventType, version: Int, payload: [UInt8],
        priority: Priority, correlation: Identifier, causation: Identifier?, timeToLive: Duration?, trace: TraceContext?, replay: String?
    ) {
        self.id = id
        self.timestamp = timestamp
        self.source = source
        self.destination = destination
        self.type = type
        self.version = version
        self.payload = payload
        self.priority = priority
        self.correlation = correlation
        self.causation = causation
        self.timeToLive = timeToLive
        self.trace = trace
        self.replay = replay
    }

    func copy() -> Fields {
        Fields(
            id: id, timestamp: timestamp, source: source, destination: destination, type: type, version: version, payload: payload,
            priority: priority, correlation: correlation, causation: causation, timeToLive: timeToLive, trace: trace, replay: replay
        )
    }

    func isEqual(to other: Fields) -> Bool {
        id == other.id && timestamp == other.timestamp && source == other.source && destination == other.destination && type == other.type
            && version == other.version && payload == other.payload && priority == other.priority && correlation == other.correlation
            && causation == other.causation && timeToLive == other.timeToLive && trace == other.trace && replay == other.replay
    }
}
