/// People shall be told of something.
/// Topic `notification.requested`.
public struct NotificationRequested: EventPayload {
    public static let type: EventType = "notification.requested"

    /// The headline.
    public var title: String
    /// What to say.
    public var text: String
    /// How bad it is.
    public var severity: Severity
    /// Where to say it; empty lets NotificationBot's rules decide.
    public var channels: [String]
    /// Requests with the same key are one and the same matter.
    public var dedupKey: String?
    /// Type of the event that it tells of.
    public var eventType: EventType?
    /// URL of the git repository.
    public var repository: String?
    /// Name of the environment, e.g. `staging`.
    public var environment: String?

    public init(
        title: String, text: String, severity: Severity, channels: [String], dedupKey: String? = nil, eventType: EventType? = nil,
        repository: String? = nil, environment: String? = nil
    ) {
        self.title = title
        self.text = text
        self.severity = severity
        self.channels = channels
        self.dedupKey = dedupKey
        self.eventType = eventType
        self.repository = repository
        self.environment = environment
    }

    public var key: String? { dedupKey }

    enum CodingKeys: String, CodingKey {
        case title, text, severity, channels
        case dedupKey = "dedup_key"
        case eventType = "event_type"
        case repository, environment
    }
}

/// A channel took a notification.
/// Topic `notification.sent`.
public struct NotificationSent: EventPayload {
    public static let type: EventType = "notification.sent"

    /// The notification; the same over all its channels.
    public var notificationID: String
    /// Name of the channel, e.g. `slack`.
    public var channel: String
    /// Type of the event that it tells of.
    public var eventType: EventType?
    /// The headline.
    public var title: String
    /// How bad it is.
    public var severity: Severity

    public init(
        notificationID: String, channel: String, eventType: EventType? = nil, title: String, severity: Severity
    ) {
        self.notificationID = notificationID
        self.channel = channel
        self.eventType = eventType
        self.title = title
        self.severity = severity
    }

    public var key: String? { notificationID }

    enum CodingKeys: String, CodingKey {
        case notificationID = "notification_id"
        case channel
        case eventType = "event_type"
        case title, severity
    }
}

/// A channel did not take a notification.
/// Topic `notification.failed`.
public struct NotificationFailed: EventPayload {
    public static let type: EventType = "notification.failed"

    /// The notification; the same over all its channels.
    public var notificationID: String
    /// Name of the channel, e.g. `slack`.
    public var channel: String
    /// The headline.
    public var title: String
    /// Why, in words for people. Never a secret.
    public var reason: String

    public init(
        notificationID: String, channel: String, title: String, reason: String
    ) {
        self.notificationID = notificationID
        self.channel = channel
        self.title = title
        self.reason = reason
    }

    public var key: String? { notificationID }

    enum CodingKeys: String, CodingKey {
        case notificationID = "notification_id"
        case channel, title, reason
    }
}

/// A person has seen a notification and takes care of it.
/// Topic `notification.acknowledged`.
public struct NotificationAcknowledged: EventPayload {
    public static let type: EventType = "notification.acknowledged"

    /// The notification; the same over all its channels.
    public var notificationID: String
    /// Who.
    public var acknowledgedBy: String

    public init(
        notificationID: String, acknowledgedBy: String
    ) {
        self.notificationID = notificationID
        self.acknowledgedBy = acknowledgedBy
    }

    public var key: String? { notificationID }

    enum CodingKeys: String, CodingKey {
        case notificationID = "notification_id"
        case acknowledgedBy = "acknowledged_by"
    }
}
