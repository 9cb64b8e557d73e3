/// Every topic of the mesh: what `topics/` says.
public struct EventCatalogue: Sendable {
    /// A topic that each bot has for itself.
    public struct BotTopic: Sendable {
        /// Its topic's name before the bot's, e.g. `retry.`.
        public let prefix: String
        /// Only bots with a state have it.
        public let isForStatefulOnly: Bool
        /// Its type is a placeholder, e.g. `retry.<bot>`.
        public let definition: EventDefinition

        public init(prefix: String, isForStatefulOnly: Bool, definition: EventDefinition) {
            self.prefix = prefix
            self.isForStatefulOnly = isForStatefulOnly
            self.definition = definition
        }
    }

    public private(set) var definitions: [EventType: EventDefinition]
    public let botTopics: [BotTopic]

    /// Of two definitions of one type the later counts; the loader reports such a pair before it gets here.
    public init(_ definitions: [EventDefinition] = [], botTopics: [BotTopic] = []) {
        self.definitions = Dictionary(definitions.map { ($0.type, $0) }, uniquingKeysWith: { _, later in later })
        self.botTopics = botTopics
    }

    public subscript(_ type: EventType) -> EventDefinition? { definitions[type] }

    /// The event types that a pattern can match, sorted: without logs and the mesh's own topics.
    public var types: [EventType] { definitions.values.filter { $0.kind == .event }.map(\.type).sorted() }

    /// Adds the event types that a custom bot brings; one that is known already stays as it is.
    public mutating func add(_ definition: EventDefinition) {
        if definitions[definition.type] == nil { definitions[definition.type] = definition }
    }

    /// The topics of one bot: `retry.buildbot`, `state.buildbot`, and `inbox.buildbot` when it has a state.
    public func topics(ofBot bot: String, isStateful: Bool) -> [EventDefinition] {
        botTopics.filter { isStateful || !$0.isForStatefulOnly }.map { template in
            var definition = template.definition
            definition.type = EventType(template.prefix + bot.lowercased())
            definition.owner = bot
            return definition
        }
    }
}
