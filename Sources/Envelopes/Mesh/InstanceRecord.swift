/// What one bot process says about itself: a record on `mesh.instances`, keyed by the instance's name and compacted. Written every five seconds and at
/// each change of state; the last one of a process that ended in order has the state `stopped`.
public struct InstanceRecord: Codable, Sendable, Equatable {
    public static let topic = "mesh.instances"
    /// How often a running instance writes, in seconds. One that is silent for three times as long is taken for dead.
    public static let intervalSeconds = 5

    public enum State: String, Codable, Sendable, CaseIterable { case starting, running, paused, draining, stopped }

    public var bot: String
    public var replica: Int
    /// The instance's name, e.g. `BuildBot-2`.
    public var instance: String
    public var host: String
    public var pid: Int32
    /// The version in the bot's configuration.
    public var version: String
    public var state: State
    /// Why it is not ready although it runs; nil when all is well.
    public var notReady: String?
    /// Where `/health`, `/ready` and `/metrics` answer on the host's loopback; nil when there is no server.
    public var healthPort: Int?
    /// `exactly-once` or `at-least-once`.
    public var delivery: String
    /// The partitions that it owns, as `topic[partition]`, sorted.
    public var partitions: [String]
    /// Of the last minute.
    public var recordsPerSecond: Double
    /// Dead letters and retries a second, of the last minute.
    public var errorsPerSecond: Double
    /// From taking a record in to settling it: the median and the 99th percentile of the last minute; nil when there was none.
    public var processingSecondsP50: Double?
    public var processingSecondsP99: Double?
    /// From the envelope's timestamp to settling it.
    public var endToEndSecondsP50: Double?
    public var endToEndSecondsP99: Double?
    /// Records not settled yet in the partitions that it owns (lag); nil when it is not known.
    public var queueDepth: Int?
    /// Calls under way.
    public var openCalls: Int
    /// Since the start of the process.
    public var done: Int
    public var retried: Int
    public var deadLettered: Int
    /// Records seen before and left out, since the start of the process; nil in records of versions that did not count them.
    public var repeated: Int?
    /// How often the supervisor has started this instance again since the mesh came up; nil where none says so.
    public var restarts: Int?
    /// How its process before ended, e.g. `was ended by signal 9`; nil where it was not started again.
    public var lastEnd: String?
    /// debug, info, warn or error; nil in records of versions that did not say it.
    public var logLevel: String?
    /// Partitions with records waiting whose committed offset does not move although nothing explains it.
    public var stalled: [String]
    /// Outside dependencies whose calls are held back; nil when there are none. The rest goes on.
    public var degraded: [DegradedDependency]?
    /// RFC 3339.
    public var startedAt: String
    /// RFC 3339.
    public var lastSeen: String

    public init(
        bot: String, replica: Int, instance: String, host: String, pid: Int32, version: String, state: State, notReady: String? = nil,
        healthPort: Int? = nil, delivery: String, partitions: [String] = [], recordsPerSecond: Double = 0, errorsPerSecond: Double = 0,
        processingSecondsP50: Double? = nil, processingSecondsP99: Double? = nil, endToEndSecondsP50: Double? = nil,
        endToEndSecondsP99: Double? = nil, queueDepth: Int? = nil, openCalls: Int = 0, done: Int = 0, retried: Int = 0,
        deadLettered: Int = 0, repeated: Int? = nil, restarts: Int? = nil, lastEnd: String? = nil, logLevel: String? = nil,
        stalled: [String] = [], degraded: [DegradedDependency]? = nil, startedAt: String, lastSeen: String
    ) {
        self.bot = bot
        self.replica = replica
        self.instance = instance
        self.host = host
        self.pid = pid
        self.version = version
        self.state = state
        self.notReady = notReady
        self.healthPort = healthPort
        self.delivery = delivery
        self.partitions = partitions
        self.recordsPerSecond = recordsPerSecond
        self.errorsPerSecond = errorsPerSecond
        self.processingSecondsP50 = processingSecondsP50
        self.processingSecondsP99 = processingSecondsP99
        self.endToEndSecondsP50 = endToEndSecondsP50
        self.endToEndSecondsP99 = endToEndSecondsP99
        self.queueDepth = queueDepth
        self.openCalls = openCalls
        self.done = done
        self.retried = retried
        self.deadLettered = deadLettered
        self.repeated = repeated
        self.restarts = restarts
        self.lastEnd = lastEnd
        self.logLevel = logLevel
        self.stalled = stalled
        self.degraded = degraded
        self.startedAt = startedAt
        self.lastSeen = lastSeen
    }

    public var key: String { instance }

    enum CodingKeys: String, CodingKey {
        case bot, replica, instance, host, pid, version, state, delivery, partitions, done, retried, repeated, restarts, stalled, degraded
        case lastEnd = "last_end"
        case notReady = "not_ready"
        case healthPort = "health_port"
        case recordsPerSecond = "records_per_second"
        case errorsPerSecond = "errors_per_second"
        case processingSecondsP50 = "processing_seconds_p50"
        case processingSecondsP99 = "processing_seconds_p99"
        case endToEndSecondsP50 = "end_to_end_seconds_p50"
        case endToEndSecondsP99 = "end_to_end_seconds_p99"
        case queueDepth = "queue_depth"
        case openCalls = "open_calls"
        case deadLettered = "dead_lettered"
        case logLevel = "log_level"
        case startedAt = "started_at"
        case lastSeen = "last_seen"
    }
}

/// An outside dependency that keeps failing, as a process sees it.
public struct DegradedDependency: Codable, Sendable, Equatable {
    public enum State: String, Codable, Sendable, CaseIterable {
        /// No call begins.
        case open
        /// Calls are let through on trial.
        case halfOpen = "half-open"
    }

    /// E.g. `notify.slack` or `http:docs.example.org`.
    public var dependency: String
    public var state: State
    /// Calls that wait for it.
    public var waitingCalls: Int

    public init(dependency: String, state: State, waitingCalls: Int) {
        self.dependency = dependency
        self.state = state
        self.waitingCalls = waitingCalls
    }

    enum CodingKeys: String, CodingKey {
        case dependency, state
        case waitingCalls = "waiting_calls"
    }
}
