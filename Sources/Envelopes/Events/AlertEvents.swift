/// A metric crossed its threshold and stayed there.
/// Topic `alert.triggered`.
public struct AlertTriggered: EventPayload {
    public static let type: EventType = "alert.triggered"

    /// The alert; the same from triggered to resolved.
    public var alertID: String
    /// Name of the rule that raised it.
    public var alertName: String
    /// How bad it is.
    public var severity: Severity
    /// The metric that it watches.
    public var metric: String
    /// The metric's value, in the metric's own unit.
    public var value: Double
    /// The limit that was crossed, in the same unit.
    public var threshold: Double
    /// Name of the environment, e.g. `staging`.
    public var environment: String?
    /// What it means, in words for people.
    public var description: String
    /// The deploy that it happened after, where one is known.
    public var deployID: String?

    public init(
        alertID: String, alertName: String, severity: Severity, metric: String, value: Double, threshold: Double,
        environment: String? = nil, description: String, deployID: String? = nil
    ) {
        self.alertID = alertID
        self.alertName = alertName
        self.severity = severity
        self.metric = metric
        self.value = value
        self.threshold = threshold
        self.environment = environment
        self.description = description
        self.deployID = deployID
    }

    public var key: String? { environment.map { "\(alertName)/\($0)" } ?? alertName }

    enum CodingKeys: String, CodingKey {
        case alertID = "alert_id"
        case alertName = "alert_name"
        case severity, metric, value, threshold, environment, description
        case deployID = "deploy_id"
    }
}

/// A metric is back within its threshold.
/// Topic `alert.resolved`.
public struct AlertResolved: EventPayload {
    public static let type: EventType = "alert.resolved"

    /// The alert; the same from triggered to resolved.
    public var alertID: String
    /// Name of the rule that raised it.
    public var alertName: String
    /// How bad it is.
    public var severity: Severity
    /// The metric that it watches.
    public var metric: String
    /// The metric's value, in the metric's own unit.
    public var value: Double
    /// The limit that was crossed, in the same unit.
    public var threshold: Double
    /// Name of the environment, e.g. `staging`.
    public var environment: String?
    /// What it means, in words for people.
    public var description: String
    /// The deploy that it happened after, where one is known.
    public var deployID: String?
    /// How long the alert lasted, in seconds.
    public var durationSeconds: Double

    public init(
        alertID: String, alertName: String, severity: Severity, metric: String, value: Double, threshold: Double,
        environment: String? = nil, description: String, deployID: String? = nil, durationSeconds: Double
    ) {
        self.alertID = alertID
        self.alertName = alertName
        self.severity = severity
        self.metric = metric
        self.value = value
        self.threshold = threshold
        self.environment = environment
        self.description = description
        self.deployID = deployID
        self.durationSeconds = durationSeconds
    }

    public var key: String? { environment.map { "\(alertName)/\($0)" } ?? alertName }

    enum CodingKeys: String, CodingKey {
        case alertID = "alert_id"
        case alertName = "alert_name"
        case severity, metric, value, threshold, environment, description
        case deployID = "deploy_id"
        case durationSeconds = "duration_seconds"
    }
}
