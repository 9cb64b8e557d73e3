import BotKit

/// The built-in bots. A configuration whose `bot.name` is none of theirs defines a custom bot.
public enum BotRegistry {
    public static let all: [any Bot.Type] = [DeployBot.self, NotificationBot.self]
}
