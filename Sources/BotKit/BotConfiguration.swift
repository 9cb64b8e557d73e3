import Envelopes

/// One bot's configuration file, checked and with every default filled in. The format is described in `docs/bot-configuration.md`.
public struct BotConfiguration: Sendable, Equatable {
    public var name: String
    public var version: String
    public var isEnabled: Bool
    public var description: String
    public var category: Category
    public var triggers: [Trigger]
    /// The first is the entry of the graph. Empty: the bot's own.
    public var actions: [Action]
    public var constraints: Constraints
    public var dependencies: Dependencies
    public var outputs: [OutputDestination]
    /// nil: the contract's own.
    public var permissions: [Permission]?
    public var monitoring: Monitoring
    public var notifications: [NotificationRule]
    /// The environment variables that its actions name as `${env.NAME}` and that it is permitted to read, by name without `env.`. Filled when the bot is about to run.
    public var environment: [String: String] = [:]

    public init(
        name: String, version: String = "1.0.0", isEnabled: Bool = true, description: String = "", category: Category = .operations,
        triggers: [Trigger] = [], actions: [Action] = [], constraints: Constraints = Constraints(),
        dependencies: Dependencies = Dependencies(),
        outputs: [OutputDestination] = [], permissions: [Permission]? = nil, monitoring: Monitoring = Monitoring(),
        notifications: [NotificationRule] = []
    ) {
        self.name = name
        self.version = version
        self.isEnabled = isEnabled
        self.description = description
        self.category = category
        self.triggers = triggers
        self.actions = actions
        self.constraints = constraints
        self.dependencies = dependencies
        self.outputs = outputs
        self.permissions = permissions
        self.monitoring = monitoring
        self.notifications = notifications
    }

    public enum Category: String, Sendable, CaseIterable { case infrastructure, development, operations, data, security }

    /// What starts the bot.
    public struct Trigger: Sendable, Equatable {
        public enum Kind: String, Sendable, CaseIterable { case event, schedule, webhook, manual }
        public var kind: Kind
        /// event: a type, `*` for one word, `#` for zero or more; schedule: five-field cron; webhook: a path; manual: a name.
        public var pattern: String
        /// The filter's source text; checked at load.
        public var filter: String?
        public var priority: Priority

        public init(kind: Kind, pattern: String, filter: String? = nil, priority: Priority = .medium) {
            self.kind = kind
            self.pattern = pattern
            self.filter = filter
            self.priority = priority
        }
    }

    /// One node of the graph of actions.
    public struct Action: Sendable, Equatable {
        public var name: String
        /// `execute`, `message`, `http`, or a step of the built-in bot such as `git.checkout`.
        public var type: String
        public var command: String?
        public var parameters: JSONValue
        public var timeout: Duration?
        public var onSuccess: String?
        public var onFailure: String?

        public init(
            name: String, type: String, command: String? = nil, parameters: JSONValue = .object([:]), timeout: Duration? = nil,
            onSuccess: String? = nil, onFailure: String? = nil
        ) {
            self.name = name
            self.type = type
            self.command = command
            self.parameters = parameters
            self.timeout = timeout
            self.onSuccess = onSuccess
            self.onFailure = onFailure
        }
    }

    public struct Constraints: Sendable, Equatable {
        /// Lanes that may run side by side in one process. 1...1000.
        public var maximumConcurrentJobs: Int
        /// For a whole run.
        public var timeout: Duration
        public var rateLimit: RateLimit?
        /// nil: the contract's own.
        public var retry: RetryPolicy?
        public var resources: ResourceLimits
        /// When calls to an outside dependency are held back.
        public var breakers: BreakerPolicies

        public init(
            maximumConcurrentJobs: Int = 4, timeout: Duration = .seconds(3600), rateLimit: RateLimit? = nil, retry: RetryPolicy? = nil,
            resources: ResourceLimits = ResourceLimits(), breakers: BreakerPolicies = BreakerPolicies()
        ) {
            self.maximumConcurrentJobs = maximumConcurrentJobs
            self.timeout = timeout
            self.rateLimit = rateLimit
            self.retry = retry
            self.resources = resources
            self.breakers = breakers
        }
    }

    public struct RateLimit: Sendable, Equatable {
        public var requestsPerMinute: Int
        public var burstSize: Int
        public init(requestsPerMinute: Int, burstSize: Int) {
            self.requestsPerMinute = requestsPerMinute
            self.burstSize = burstSize
        }
    }

    public struct ResourceLimits: Sendable, Equatable {
        /// Thousandths of a core.
        public var cpuMillicores: Int?
        public var memoryBytes: Int?
        public init(cpuMillicores: Int? = nil, memoryBytes: Int? = nil) {
            self.cpuMillicores = cpuMillicores
            self.memoryBytes = memoryBytes
        }
    }

    /// Names of other bots.
    public struct Dependencies: Sendable, Equatable {
        public var required: [String]
        public var optional: [String]
        public var conflicts: [String]
        public init(required: [String] = [], optional: [String] = [], conflicts: [String] = []) {
            self.required = required
            self.optional = optional
            self.conflicts = conflicts
        }
    }

    public struct OutputDestination: Sendable, Equatable {
        public enum Kind: String, Sendable, CaseIterable { case message, file, metric, log }
        public var kind: Kind
        public var destination: String
        public var format: String?
        public var retentionDays: Int?
        public init(kind: Kind, destination: String, format: String? = nil, retentionDays: Int? = nil) {
            self.kind = kind
            self.destination = destination
            self.format = format
            self.retentionDays = retentionDays
        }
    }

    public struct Monitoring: Sendable, Equatable {
        public enum LogLevel: String, Sendable, CaseIterable { case debug, info, warn, error }
        public enum LogFormat: String, Sendable, CaseIterable { case json, text }
        public var healthCheckEnabled: Bool
        public var healthCheckInterval: Duration
        public var healthCheckEndpoint: String
        public var metricsEnabled: Bool
        public var metricsPushInterval: Duration
        public var logLevel: LogLevel
        public var logFormat: LogFormat
        public init(
            healthCheckEnabled: Bool = true, healthCheckInterval: Duration = .seconds(30), healthCheckEndpoint: String = "/health",
            metricsEnabled: Bool = true, metricsPushInterval: Duration = .seconds(60), logLevel: LogLevel = .info,
            logFormat: LogFormat = .json
        ) {
            self.healthCheckEnabled = healthCheckEnabled
            self.healthCheckInterval = healthCheckInterval
            self.healthCheckEndpoint = healthCheckEndpoint
            self.metricsEnabled = metricsEnabled
            self.metricsPushInterval = metricsPushInterval
            self.logLevel = logLevel
            self.logFormat = logFormat
        }
    }

    /// When the bot produces `event`, a `notification.requested` goes out with it.
    public struct NotificationRule: Sendable, Equatable {
        public enum Severity: String, Sendable, CaseIterable { case critical, warning, info }
        public var event: EventType
        public var channels: [String]
        public var severity: Severity
        public var template: String?
        public init(event: EventType, channels: [String], severity: Severity = .info, template: String? = nil) {
            self.event = event
            self.channels = channels
            self.severity = severity
            self.template = template
        }
    }
}

/// A setting that a bot cannot work with.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Where in the file, e.g. `actions[2].parameters.port`.
    public let path: String
    /// What is wrong, what was expected.
    public let message: String

    public init(path: String, message: String) {
        self.path = path
        self.message = message
    }

    public var description: String { "\(path): \(message)" }
}
