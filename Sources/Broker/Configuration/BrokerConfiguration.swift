/// The configuration of the broker, with Kafka's names and, where nothing else is said, Kafka's defaults. Times in milliseconds, sizes in bytes.
///
/// What each property means stands in `BrokerConfiguration.all`, beside the key that sets it.
public struct BrokerConfiguration: Sendable {
    /// Which authorizer decides; as Kafka, by the name of a class.
    public enum AuthorizerClass: String, Sendable, CaseIterable {
        case none = ""
        case standard = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        case acl = "kafka.security.authorizer.AclAuthorizer"
    }

    // Topics
    public var autoCreateTopicsEnable = true
    public var deleteTopicEnable = true
    /// Kafka's default is 1.
    public var numPartitions: Int32 = 4
    /// Over all topics; Kafka has no such limit.
    public var maxPartitions: Int32 = 10_000
    var topicDefaults = TopicSettings()

    // Storage
    /// Kafka leaves flushing to the operating system.
    public var logFlushIntervalMs: Int64 = 1_000
    public var logFlushIntervalBytes: Int64 = 256 << 20
    public var logFlushStrict = false
    public var logIndexIntervalBytes: Int32 = 4_096
    /// Kafka's default is 5 minutes.
    public var logRetentionCheckIntervalMs: Int64 = 5_000
    public var producerIdExpirationMs: Int32 = 86_400_000

    // Connections
    /// What Metadata tells clients; nil for the address that the broker listens on.
    public var advertisedListener: BrokerEndpoint?
    public var socketRequestMaxBytes: Int32 = 100 << 20
    /// Kafka's default has no limit.
    public var maxConnections: Int32 = 4_096
    public var connectionsMaxIdleMs: Int64 = 600_000

    // Groups
    public var groupMinSessionTimeoutMs: Int32 = 6_000
    public var groupMaxSessionTimeoutMs: Int32 = 1_800_000
    /// Kafka's default is 3,000, for clusters where many members start together.
    public var groupInitialRebalanceDelayMs: Int32 = 0
    /// Kafka's default has no limit.
    public var groupMaxSize: Int32 = 10_000
    public var offsetMetadataMaxBytes: Int32 = 4_096
    public var offsetsRetentionMinutes: Int32 = 10_080
    public var offsetsRetentionCheckIntervalMs: Int64 = 600_000

    // Transactions
    public var transactionMaxTimeoutMs: Int32 = 900_000
    public var transactionalIdExpirationMs: Int32 = 604_800_000
    public var transactionCleanupIntervalMs: Int32 = 3_600_000

    // Security
    /// `PLAIN`, or none: then nobody has to say who they are.
    public var saslEnabledMechanisms: [String] = []
    public var failedAuthenticationDelayMs: Int32 = 100
    public var authorizerClass = AuthorizerClass.none
    public var allowEveryoneIfNoACLFound = false
    /// Principals, e.g. `User:admin`.
    public var superUsers: [String] = []

    /// What was set, by key, as text.
    public private(set) var assigned: [String: String] = [:]

    public init() {}

    /// Whether ACLs decide who may do what.
    public var usesACLs: Bool { authorizerClass != .none }
    public var offsetsRetentionMs: Int64 { Int64(offsetsRetentionMinutes) * 60_000 }

    /// Sets some keys. A key that is more exact than another holds whatever their order is: `log.retention.ms` before `log.retention.hours`.
    mutating func assign(_ values: [String: String]) throws(SettingError) {
        for name in values.keys.sorted() where Self.setting(name) == nil { throw Self.unknown(name) }
        assigned.merge(values) { $1 }
        for setting in Self.all {
            if let value = assigned[setting.name] { try setting.write(&self, value) }
        }
        guard groupMinSessionTimeoutMs <= groupMaxSessionTimeoutMs else {
            throw SettingError("group.min.session.timeout.ms is more than group.max.session.timeout.ms (\(groupMaxSessionTimeoutMs))")
        }
    }
}
