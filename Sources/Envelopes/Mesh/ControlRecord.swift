/// What a person wants of a bot or of one of its instances: a record on `mesh.control`, which is compacted by its key. Bots and supervisors reconcile to it.
///
/// The record of one instance stands above the record of the whole bot, field by field. A null value takes the wish back.
public struct ControlRecord: Codable, Sendable, Equatable {
    public static let topic = "mesh.control"

    public enum State: String, Codable, Sendable, CaseIterable {
        case running
        /// Takes nothing in; what runs goes on to its end.
        case paused
        /// Finishes what runs, gives its partitions up and ends with exit status 0. A supervisor does not start it again.
        case drained
    }

    /// Name of the bot.
    public var bot: String
    /// Number of the instance, from 1; nil for all of them.
    public var replica: Int?
    public var state: State?
    /// debug, info, warn or error; nil leaves what the configuration says.
    public var logLevel: String?
    /// How many instances a supervisor runs; nil leaves what it was started with. Only in the record of a whole bot.
    public var replicas: Int?
    /// Who asked.
    public var requestedBy: String?
    /// When, RFC 3339.
    public var requestedAt: String?

    public init(
        bot: String, replica: Int? = nil, state: State? = nil, logLevel: String? = nil, replicas: Int? = nil, requestedBy: String? = nil,
        requestedAt: String? = nil
    ) {
        self.bot = bot
        self.replica = replica
        self.state = state
        self.logLevel = logLevel
        self.replicas = replicas
        self.requestedBy = requestedBy
        self.requestedAt = requestedAt
    }

    /// The key of the record: `BuildBot`, or `BuildBot/2` for one instance.
    public var key: String { Self.key(bot: bot, replica: replica) }
    public static func key(bot: String, replica: Int?) -> String { replica.map { "\(bot)/\($0)" } ?? bot }

    enum CodingKeys: String, CodingKey {
        case bot, replica, state, replicas
        case logLevel = "log_level"
        case requestedBy = "requested_by"
        case requestedAt = "requested_at"
    }
}
