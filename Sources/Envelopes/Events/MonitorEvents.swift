/// A health check got the answer that it wants.
/// Topic `monitor.health_check_passed`.
public struct MonitorHealthCheckPassed: EventPayload {
    public static let type: EventType = "monitor.health_check_passed"

    /// Name of the check.
    public var check: String
    /// Name of the environment, e.g. `staging`.
    public var environment: String?
    /// The address that was asked.
    public var url: String
    /// The answer's HTTP status; absent when there was no answer.
    public var status: Int?
    /// How long the answer took, in seconds.
    public var responseSeconds: Double
    /// Whether this check ends a watch after a deploy in good health.
    public var allClear: Bool
    /// The deploy that is being watched, where there is one.
    public var deployID: String?

    public init(
        check: String, environment: String? = nil, url: String, status: Int? = nil, responseSeconds: Double, allClear: Bool,
        deployID: String? = nil
    ) {
        self.check = check
        self.environment = environment
        self.url = url
        self.status = status
        self.responseSeconds = responseSeconds
        self.allClear = allClear
        self.deployID = deployID
    }

    public var key: String? { check }

    enum CodingKeys: String, CodingKey {
        case check, environment, url, status
        case responseSeconds = "response_seconds"
        case allClear = "all_clear"
        case deployID = "deploy_id"
    }
}

/// A health check got no answer, or a bad one.
/// Topic `monitor.health_check_failed`.
public struct MonitorHealthCheckFailed: EventPayload {
    public static let type: EventType = "monitor.health_check_failed"

    /// Name of the check.
    public var check: String
    /// Name of the environment, e.g. `staging`.
    public var environment: String?
    /// The address that was asked.
    public var url: String
    /// The answer's HTTP status; absent when there was no answer.
    public var status: Int?
    /// Why, in words for people. Never a secret.
    public var reason: String
    /// How often in a row it has failed, this time included.
    public var consecutiveFailures: Int
    /// The deploy that is being watched, where there is one.
    public var deployID: String?

    public init(
        check: String, environment: String? = nil, url: String, status: Int? = nil, reason: String, consecutiveFailures: Int,
        deployID: String? = nil
    ) {
        self.check = check
        self.environment = environment
        self.url = url
        self.status = status
        self.reason = reason
        self.consecutiveFailures = consecutiveFailures
        self.deployID = deployID
    }

    public var key: String? { check }

    enum CodingKeys: String, CodingKey {
        case check, environment, url, status, reason
        case consecutiveFailures = "consecutive_failures"
        case deployID = "deploy_id"
    }
}

/// A target's metrics were read.
/// Topic `monitor.metrics_collected`.
public struct MonitorMetricsCollected: EventPayload {
    public static let type: EventType = "monitor.metrics_collected"

    /// Name of the target.
    public var target: String
    /// Name of the environment, e.g. `staging`.
    public var environment: String?
    /// Metric name to value, in the metric's own unit.
    public var metrics: [String: Double]

    public init(
        target: String, environment: String? = nil, metrics: [String: Double]
    ) {
        self.target = target
        self.environment = environment
        self.metrics = metrics
    }

    public var key: String? { target }

    enum CodingKeys: String, CodingKey {
        case target, environment, metrics
    }
}
