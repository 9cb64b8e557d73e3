/// A bot could not handle a record; the record itself is in `mesh.dlq`.
/// Topic `bot.error`.
public struct BotErrorEvent: EventPayload {
    public static let type: EventType = "bot.error"

    /// Name of the bot.
    public var bot: String
    /// The process, e.g. `BuildBot-2`.
    public var instance: String
    /// A short stable word for programs, e.g. `artifact-unreadable`.
    public var code: String
    /// What happened, in words for people. Never a payload or a secret.
    public var message: String
    /// Where the record lies: topic.
    public var topic: String
    /// Where the record lies: partition.
    public var partition: Int32
    /// Where the record lies: offset.
    public var offset: Int64

    public init(
        bot: String, instance: String, code: String, message: String, topic: String, partition: Int32, offset: Int64
    ) {
        self.bot = bot
        self.instance = instance
        self.code = code
        self.message = message
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }

    public var key: String? { bot }

    enum CodingKeys: String, CodingKey {
        case bot, instance, code, message, topic, partition, offset
    }
}

/// What a bot can do, said when it starts.
/// Topic `bot.capabilities`.
public struct BotCapabilities: EventPayload {
    public static let type: EventType = "bot.capabilities"

    /// Name of the bot.
    public var bot: String
    /// The version in its configuration.
    public var version: String
    /// Event types that may start it.
    public var consumes: [String]
    /// Event types that it may produce.
    public var produces: [String]
    /// Kinds of outside work that it may ask for.
    public var calls: [String]
    /// Steps that its configuration may use.
    public var steps: [String]

    public init(
        bot: String, version: String, consumes: [String], produces: [String], calls: [String], steps: [String]
    ) {
        self.bot = bot
        self.version = version
        self.consumes = consumes
        self.produces = produces
        self.calls = calls
        self.steps = steps
    }

    public var key: String? { bot }

    enum CodingKeys: String, CodingKey {
        case bot, version, consumes, produces, calls, steps
    }
}
