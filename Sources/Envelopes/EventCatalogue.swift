/// What the mesh knows of one event type: who owns it, who may produce it, how its topic is laid out, and the form of its payload.
public struct EventDefinition: Sendable {
    /// What Kafka does with old records.
    public enum Cleanup: String, Sendable, CaseIterable {
        case delete
        case compact
        case compactAndDelete = "compact,delete"
    }

    public var type: EventType
    /// One sentence: what it means that this event stands in the log.
    public var summary: String
    /// The bot whose domain it is in; `mesh` for the mesh's own.
    public var owner: String
    /// The names of those that may produce it. `*` for anybody.
    public var producers: [String]
    public var partitions: Int
    /// How long records are kept; nil for ever.
    public var retention: Duration?
    public var cleanup: Cleanup
    /// What the key of a record is, in the names of payload fields, e.g. `repository`; nil when records are spread over the partitions.
    public var key: String?
    /// The newest version of the payload.
    public var version: Int
    /// The form of the payload; nil for a type whose bot does not exist yet.
    public var schema: JSONSchema?
    /// Payloads that fit the schema, one of them with every field.
    public var examples: [JSONValue]

    public init(
        type: EventType, summary: String = "", owner: String, producers: [String], partitions: Int, retention: Duration? = nil,
        cleanup: Cleanup = .delete, key: String? = nil, version: Int = 1, schema: JSONSchema? = nil, examples: [JSONValue] = []
    ) {
        self.type = type
        self.summary = summary
        self.owner = owner
        self.producers = producers
        self.partitions = partitions
        self.retention = retention
        self.cleanup = cleanup
        self.key = key
        self.version = version
        self.schema = schema
        self.examples = examples
    }
}

/// Every event type that the mesh knows. Read from `topics/`.
public struct EventCatalogue: Sendable {
    public private(set) var definitions: [EventType: EventDefinition]

    /// Of two definitions of one type the later counts; the loader reports such a pair before it gets here.
    public init(_ definitions: [EventDefinition] = []) {
        self.definitions = Dictionary(definitions.map { ($0.type, $0) }) { _, later in later }
    }

    public subscript(_ type: EventType) -> EventDefinition? { definitions[type] }

    /// In the order of their names.
    public var types: [EventType] { definitions.keys.sorted() }

    public mutating func add(_ definition: EventDefinition) { definitions[definition.type] = definition }
}
