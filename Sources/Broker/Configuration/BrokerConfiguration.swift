/// The configuration of the broker, with Kafka's names and defaults. Times in milliseconds, sizes in bytes.
public struct BrokerConfiguration: Sendable {
    public var autoCreateTopicsEnable = true
    public var deleteTopicEnable = true
    public var numPartitions: Int32 = 4
    /// Over all topics.
    public var maxPartitions: Int32 = 10_000
    var topicDefaults = TopicSettings()
    /// What a configuration file says, by key.
    public internal(set) var assigned: [String: String] = [:]

    public init() {}
}
