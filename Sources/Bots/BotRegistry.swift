import BotKit

/// The built-in bots. A configuration whose `bot.name` is none of theirs defines a custom bot.
public enum BotRegistry {
    /// The type of every custom bot.
    public static let custom: any Bot.Type = CustomBot.self

    public static let all: [any Bot.Type] = [
        BuildBot.self, TestBot.self, SecurityBot.self, DeployBot.self, MonitorBot.self, NotificationBot.self,
    ]
}
