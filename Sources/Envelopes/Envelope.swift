/// The identity of an event: a UUID in everything that the mesh writes. What others wrote may be any text of 1 to 128 bytes without control characters.
///
/// Two records with the same id are the same event.
public struct EventID: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    /// The longest id that is read, in UTF-8 bytes.
    public static let maximumBytes = 128

    /// Takes an id as it was written. Nil when it is empty, too long, or has control characters.
    public init?(_ text: String) {
        guard (1...Self.maximumBytes).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
        self.text = text
    }

    /// Takes a text that is known to be legal.
    init(trusted text: String) { self.text = text }

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
public struct Envelope: Sendable, Equatable {
    public var id: EventID
    public var timestamp: Timestamp
    /// The name of the bot that produced it, or of whatever else did.
    public var source: String
    /// Informs only; it never routes.
    public var destination: String?
    public var type: EventType
    /// The version of the payload's schema; 1 when the record named none.
    public var version: Int
    /// The payload: the UTF-8 text of one JSON object.
    public var payload: [UInt8]
    public var priority: Priority
    /// One per workflow run. The id of the first event of the run, when that event named none.
    public var correlationID: String
    /// The id of the event that led to this one; nil for the first of a run.
    public var causationID: String?
    /// How long after `timestamp` the event still matters; nil means for ever. Positive.
    public var timeToLive: Duration?
    public var trace: TraceContext?
    /// The replay that this record belongs to (header `mesh_replay`); part of its identity.
    public var replay: String?

    public init(
        id: EventID, timestamp: Timestamp, source: String, destination: String? = nil, type: EventType, version: Int = 1, payload: [UInt8],
        priority: Priority = .medium, correlationID: String? = nil, causationID: String? = nil, timeToLive: Duration? = nil,
        trace: TraceContext? = nil, replay: String? = nil
    ) {
        self.id = id
        self.timestamp = timestamp
        self.source = source
        self.destination = destination
        self.type = type
        self.version = version
        self.payload = payload
        self.priority = priority
        self.correlationID = correlationID ?? id.text
        self.causationID = causationID
        self.timeToLive = timeToLive
        self.trace = trace
        self.replay = replay
    }
}
