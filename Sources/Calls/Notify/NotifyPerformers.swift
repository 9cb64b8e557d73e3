import BotKit

extension CallPerformers {
    /// Registers the five kinds of channels.
    /// - Parameters:
    ///   - dataDirectory: where `notifications.log` lies.
    ///   - book: NotificationBot's channels.
    ///   - clock: paces what goes out.
    public mutating func registerNotify(dataDirectory: String, book: ChannelBook, clock: any Clock<Duration> = ContinuousClock()) {
        let limiter = ChannelLimiter(clock: clock)
        let clients = ChannelClients()
        let sender = WebhookSender(limiter: limiter, clients: clients)
        register(ConsoleNotifier(dataDirectory: dataDirectory))
        register(FileNotifier(book: book))
        register(SlackNotifier(book: book, sender: sender))
        register(MailNotifier(book: book, limiter: limiter, clients: clients))
        register(PagerDutyNotifier(book: book, sender: sender))
    }
}
