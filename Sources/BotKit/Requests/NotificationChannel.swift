import Envelopes

/// One channel of NotificationBot's configuration: an action of type `notify.…`, named by the action.
///
/// Secrets stand here as they stand in the file (`${env.NAME}`); only the performer fills them in, and requests name the channel alone.
public struct NotificationChannel: Sendable, Equatable {
    public enum Settings: Sendable, Equatable {
        /// One line a notification in the mesh's own `notifications.log`.
        case console
        /// JSON lines; the path is absolute.
        case file(path: String)
        /// An incoming webhook of Slack's format.
        case slack(url: String)
        case email(EmailSettings)
        case pagerDuty(routingKey: String, url: String)
    }

    /// A mail server and whom to write to.
    public struct EmailSettings: Sendable, Equatable {
        public enum Security: String, Sendable, CaseIterable { case none, starttls, tls }
        public var host: String
        public var port: Int
        public var security: Security
        public var user: String?
        public var password: String?
        public var sender: String
        public var recipients: [String]
    }

    public let name: String
    public let settings: Settings
    /// The channel that is used when this one fails, or when nobody acknowledges.
    public let fallback: String?
    /// How long a notification waits for an acknowledgement before it goes to `fallback`; nil: it does not wait.
    public let escalateAfter: Duration?
    /// The least severity that escalates.
    public let escalateFrom: Severity
    /// Notifications a second.
    public let ratePerSecond: Double
    /// Hosts whose private addresses may be connected to.
    public let allowedPrivateHosts: [String]

    public static let steps = ["notify.console", "notify.file", "notify.slack", "notify.email", "notify.pagerduty"]
    /// What a configuration without actions has.
    public static let standard = [BotConfiguration.Action(name: "console", type: "notify.console")]

    public init(_ action: BotConfiguration.Action, index: Int) throws(ConfigurationError) {
        var parameters = ActionParameters(action, index: index)
        name = action.name
        switch action.type {
        case "notify.console": settings = .console
        case "notify.file":
            let path = try parameters.requiredString("path")
            guard path.hasPrefix("/") else { throw parameters.error("path", "expected an absolute path") }
            settings = .file(path: path)
        case "notify.slack": settings = .slack(url: try parameters.requiredString("url"))
        case "notify.email": settings = .email(try Self.email(&parameters))
        case "notify.pagerduty":
            settings = .pagerDuty(
                routingKey: try parameters.requiredString("routing_key"),
                url: try parameters.string("url") ?? "https://events.pagerduty.com/v2/enqueue")
        default:
            throw ConfigurationError(
                path: "actions[\(index)].type", message: "'\(action.type)' is no channel, expected \(Self.steps.joined(separator: ", "))")
        }
        escalateAfter = try parameters.seconds("escalate_after", in: 1...604_800)
        escalateFrom = try parameters.choice("escalate_from", Severity.self) ?? .critical
        ratePerSecond = Double(try parameters.integer("rate_per_minute", in: 1...60_000) ?? Self.standardRatePerMinute(settings)) / 60
        allowedPrivateHosts = try parameters.strings("allowed_private_hosts") ?? []
        try parameters.finish()
        fallback = action.onFailure
        if escalateAfter != nil && fallback == nil {
            throw ConfigurationError(
                path: "actions[\(index)].on_failure", message: "escalate_after needs the channel to go to: name it in on_failure")
        }
        if action.onSuccess != nil {
            throw ConfigurationError(
                path: "actions[\(index)].on_success", message: "channels do not follow each other; name several in the rule's channels")
        }
    }

    private static func email(_ parameters: inout ActionParameters) throws(ConfigurationError) -> EmailSettings {
        let security = try parameters.choice("security", EmailSettings.Security.self) ?? .starttls
        let standardPort =
            switch security {
            case .none: 25
            case .starttls: 587
            case .tls: 465
            }
        guard let recipients = try parameters.strings("to") else { throw parameters.error("to", "is missing") }
        return EmailSettings(
            host: try parameters.requiredString("host"), port: try parameters.integer("port", in: 1...65535) ?? standardPort,
            security: security, user: try parameters.string("user"), password: try parameters.string("password"),
            sender: try parameters.requiredString("from"), recipients: recipients)
    }

    private static func standardRatePerMinute(_ settings: Settings) -> Int {
        switch settings {
        case .console, .file: 60_000
        // What Slack takes: about one a second.
        case .slack, .email: 60
        case .pagerDuty: 120
        }
    }
}
