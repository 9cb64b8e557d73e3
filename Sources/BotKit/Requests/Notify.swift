import Envelopes

/// One thing to tell people.
public struct NotificationMessage: Codable, Sendable, Equatable {
    public enum Action: String, Codable, Sendable { case trigger, acknowledge, resolve }

    /// The same for all that concerns one matter, over all channels; what an acknowledgement names.
    public var notificationID: String
    public var action: Action
    /// One line.
    public var title: String
    public var text: String
    public var severity: Severity
    public var eventType: EventType?
    public var repository: String?
    public var environment: String?
    /// When the event happened.
    public var milliseconds: Int64

    public init(
        notificationID: String, action: Action = .trigger, title: String, text: String, severity: Severity, eventType: EventType? = nil,
        repository: String? = nil, environment: String? = nil, milliseconds: Int64
    ) {
        self.notificationID = notificationID
        self.action = action
        self.title = title
        self.text = text
        self.severity = severity
        self.eventType = eventType
        self.repository = repository
        self.environment = environment
        self.milliseconds = milliseconds
    }
}

/// The kind of a channel, as the type of its requests.
public protocol NotificationMedium: Sendable {
    static var kind: CallKind { get }
}
public enum ConsoleMedium: NotificationMedium { public static let kind: CallKind = "notify.console" }
public enum FileMedium: NotificationMedium { public static let kind: CallKind = "notify.file" }
public enum SlackMedium: NotificationMedium { public static let kind: CallKind = "notify.slack" }
public enum EmailMedium: NotificationMedium { public static let kind: CallKind = "notify.email" }
public enum PagerDutyMedium: NotificationMedium { public static let kind: CallKind = "notify.pagerduty" }

/// Send a message over one channel. The channel's address and secrets are the performer's.
public struct Notify<Medium: NotificationMedium>: CallRequest {
    public struct Response: Codable, Sendable, Equatable {
        public init() {}
    }
    public static var kind: CallKind { Medium.kind }

    /// The channel's name in the configuration.
    public var channel: String
    public var message: NotificationMessage
    /// From 1.
    public var attempt: Int

    public init(channel: String, message: NotificationMessage, attempt: Int = 1) {
        self.channel = channel
        self.message = message
        self.attempt = attempt
    }

    public var timeLimit: Duration { .seconds(120) }
}
