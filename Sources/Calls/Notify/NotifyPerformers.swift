import BotKit

extension CallPerformers {
    /// Registers the five kinds of channels.
    /// - Parameters:
    ///   - dataDirectory: where `notifications.log` lies.
    ///   - book: NotificationBot's channels.
    public mutating func registerNotify(dataDirectory: String, book: ChannelBook) {
        let limiter = ChannelLimiter()
        let sender = WebhookSender(limiter: limiter)
        register(ConsoleNotifier(dataDirectory: dataDirectory))
        register(FileNotifier(book: book))
        register(SlackNotifier(book: book, sender: sender))
        register(MailNotifier(book: book, limiter: limiter))
        register(PagerDutyNotifier(book: book, sender: sender))
    }
}
