/// A bot's schedule came due. Once for the whole mesh, however many replicas run.
/// Topic `schedule.fired`.
public struct ScheduleFired: EventPayload {
    public static let type: EventType = "schedule.fired"

    /// Name of the bot.
    public var bot: String
    /// The schedule's cron expression.
    public var schedule: String
    /// The minute that it was due, RFC 3339.
    public var firedAt: String

    public init(
        bot: String, schedule: String, firedAt: String
    ) {
        self.bot = bot
        self.schedule = schedule
        self.firedAt = firedAt
    }

    public var key: String? { bot }

    enum CodingKeys: String, CodingKey {
        case bot, schedule
        case firedAt = "fired_at"
    }
}
