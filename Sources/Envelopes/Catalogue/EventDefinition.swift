/// What the mesh knows of one topic: one entry of a file in `topics/`.
public struct EventDefinition: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// Its records are envelopes, and bots may subscribe to it.
        case event
        /// Lines that steps print, as envelopes; there are many, so only a subscription that names the topic gets them, and no pattern does.
        case log
        /// The mesh's own; no pattern matches it.
        case `internal`
    }

    public enum Cleanup: String, Sendable, CaseIterable {
        case delete, compact
        case compactAndDelete = "compact,delete"
    }

    /// A payload that the schema accepts and that the Swift type reads.
    public struct Example: Sendable, Equatable {
        public let name: String
        public let payload: JSONValue
        /// It shows an older form, which is read but not written any more.
        public let isOlder: Bool

        public init(name: String, payload: JSONValue, isOlder: Bool = false) {
            self.name = name
            self.payload = payload
            self.isOlder = isOlder
        }
    }

    /// In `producers`: everybody, people included.
    public static let anyone = "anyone"
    /// In `producers`: every bot of the mesh.
    public static let everyBot = "every-bot"
    /// As owner or producer: the operator's command and the supervisor.
    public static let mesh = "mesh"

    public var type: EventType
    public var kind: Kind
    /// One sentence.
    public var summary: String
    /// The bot that answers for the domain, or `mesh`. It may produce without being listed.
    public var owner: String
    /// Who may produce beside the owner: names of bots, `mesh`, `every-bot`, `anyone`.
    public var producers: [String]
    public var partitions: Int
    /// nil: for ever.
    public var retention: Duration?
    public var cleanup: Cleanup
    /// The largest record that the topic takes, in bytes.
    public var maximumBytes: Int
    /// What a record's key is: of an event the payload's fields that make it, joined by `/`; else words.
    public var key: String
    /// The payload's version that is written today.
    public var version: Int
    /// The payload's JSON Schema, with all that it refers to under `$defs`; nil for a type whose bot does not exist yet.
    public var schema: JSONSchema?
    /// The payload's fields in the order of the file.
    public var fields: [String]
    public var examples: [Example]

    public init(
        type: EventType, kind: Kind = .event, summary: String = "", owner: String, producers: [String] = [], partitions: Int = 6,
        retention: Duration? = nil, cleanup: Cleanup = .delete, maximumBytes: Int = 1 << 20, key: String = "", version: Int = 1,
        schema: JSONSchema? = nil, fields: [String] = [], examples: [Example] = []
    ) {
        self.type = type
        self.kind = kind
        self.summary = summary
        self.owner = owner
        self.producers = producers
        self.partitions = partitions
        self.retention = retention
        self.cleanup = cleanup
        self.maximumBytes = maximumBytes
        self.key = key
        self.version = version
        self.schema = schema
        self.fields = fields
        self.examples = examples
    }

    /// Whether the bot `name` may produce it. People and programs that are no bot may where `anyone` may.
    public func mayBeProduced(byBot name: String) -> Bool {
        name == owner || producers.contains { $0 == name || $0 == Self.everyBot || $0 == Self.anyone }
    }
}
