extension BrokerConfiguration {
    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    static func setting(_ name: String) -> Setting<BrokerConfiguration>? { byName[name] }

    /// All keys of the broker's configuration. Where several set the same thing, the last of them holds.
    static let all: [Setting<BrokerConfiguration>] = topics + logs + storage + connections + groups + transactions + security

    private static let topics: [Setting<BrokerConfiguration>] = [
        .flag("auto.create.topics.enable", \.autoCreateTopicsEnable, "A topic that a client asks for and that is not there is made."),
        .flag("delete.topic.enable", \.deleteTopicEnable, "Topics can be deleted."),
        .number("num.partitions", \.numPartitions, 1...(.max), "The partitions of a topic that is made without saying how many."),
        .number("max.partitions", \.maxPartitions, 1...1_000_000, "How many partitions there may be over all topics. Not a key of Kafka."),
        .fixed("default.replication.factor", .int, "1", "There is one broker."),
        .fixed("min.insync.replicas", .int, "1", "There is one replica of each partition."),
        .fixed("unclean.leader.election.enable", .boolean, "false", "There is one replica of each partition."),
        .fixed("node.id", .int, "1", "There is one broker."),
        .fixed("broker.id", .int, "1", "There is one broker."),
    ]

    /// For topics that say nothing else themselves.
    private static let logs: [Setting<BrokerConfiguration>] = [
        .list("log.cleanup.policy", \.topicDefaults.cleanupPolicy, allowed: ["compact", "delete"], "The default of cleanup.policy."),
        .fixed("compression.type", .string, "producer", "Batches are stored as they come and never compressed anew."),
        .number("log.cleaner.delete.retention.ms", \.topicDefaults.deleteRetentionMs, 0...(.max), "The default of delete.retention.ms."),
        .number(
            "log.cleaner.max.compaction.lag.ms", \.topicDefaults.maxCompactionLagMs, 1...(.max), "The default of max.compaction.lag.ms."),
        .fraction("log.cleaner.min.cleanable.ratio", \.topicDefaults.minCleanableDirtyRatio, "The default of min.cleanable.dirty.ratio."),
        .number(
            "log.cleaner.min.compaction.lag.ms", \.topicDefaults.minCompactionLagMs, 0...(.max), "The default of min.compaction.lag.ms."),
        .choice("log.message.timestamp.type", \.topicDefaults.messageTimestampType, "The default of message.timestamp.type."),
        .fixed("log.preallocate", .boolean, "false", "Segment files grow as they are written."),
        .number("log.retention.bytes", \.topicDefaults.retentionBytes, (.min)...(.max), "The default of retention.bytes."),
        .scaled("log.retention.hours", \.topicDefaults.retentionMs, 3_600_000, -1...(.max), "The default of retention.ms, in hours."),
        .scaled("log.retention.minutes", \.topicDefaults.retentionMs, 60_000, -1...(.max), "The default of retention.ms, in minutes."),
        .number("log.retention.ms", \.topicDefaults.retentionMs, -1...(.max), "The default of retention.ms."),
        .scaled("log.roll.hours", \.topicDefaults.segmentMs, 3_600_000, 1...(.max), "The default of segment.ms, in hours."),
        .number("log.roll.ms", \.topicDefaults.segmentMs, 1...(.max), "The default of segment.ms."),
        .number("log.segment.bytes", \.topicDefaults.segmentBytes, 14...(.max), "The default of segment.bytes."),
        .number("log.segment.delete.delay.ms", \.topicDefaults.fileDeleteDelayMs, 0...(.max), "The default of file.delete.delay.ms."),
        .number("message.max.bytes", \.topicDefaults.maxMessageBytes, 0...(.max), "The default of max.message.bytes."),
    ]

    private static let storage: [Setting<BrokerConfiguration>] = [
        .flag(
            "log.flush.strict", \.logFlushStrict,
            "The strict mode: nothing is acknowledged or shown to consumers before it is synced to the disk. Not a key of Kafka."),
        .number(
            "log.flush.interval.ms", \.logFlushIntervalMs, 1...3_600_000,
            "What was appended is synced after so long at the latest: what a power cut can take in the default mode."),
        .number(
            "log.flush.interval.bytes", \.logFlushIntervalBytes, 1_024...(.max),
            "What was appended is synced when it is so much, before the time is over. Not a key of Kafka."),
        .number("log.index.interval.bytes", \.logIndexIntervalBytes, 0...(.max), "Bytes of a segment between two entries of its index."),
        .number("log.retention.check.interval.ms", \.logRetentionCheckIntervalMs, 1...(.max), "How often old segments are looked for."),
        .number("producer.id.expiration.ms", \.producerIdExpirationMs, 1...(.max), "When a producer that writes nothing is forgotten."),
    ]

    private static let connections: [Setting<BrokerConfiguration>] = [
        .endpoint(
            "advertised.listeners", \.advertisedListener,
            "The address that clients are told to connect to, as host:port; by default the one that the broker listens on."),
        .number(
            "socket.request.max.bytes", \.socketRequestMaxBytes, 1...(.max), "The largest request; a connection that sends more is closed."),
        .number("max.connections", \.maxConnections, 1...(.max), "How many connections there may be; more are closed at once."),
        .number("connections.max.idle.ms", \.connectionsMaxIdleMs, 1...(.max), "A connection without a request for so long is closed."),
    ]

    private static let groups: [Setting<BrokerConfiguration>] = [
        .number(
            "group.min.session.timeout.ms", \.groupMinSessionTimeoutMs, 1...(.max),
            "The shortest session time-out that a member may ask for."),
        .number(
            "group.max.session.timeout.ms", \.groupMaxSessionTimeoutMs, 1...(.max),
            "The longest session time-out that a member may ask for."),
        .number(
            "group.initial.rebalance.delay.ms", \.groupInitialRebalanceDelayMs, 0...(.max),
            "How long an empty group waits for further members after the first."),
        .number("group.max.size", \.groupMaxSize, 1...(.max), "How many members a group may have."),
        .number("offset.metadata.max.bytes", \.offsetMetadataMaxBytes, 0...(.max), "The largest metadata of a committed offset."),
        .number(
            "offsets.retention.minutes", \.offsetsRetentionMinutes, 1...(.max), "How long the offsets of a group without members are kept."),
        .number(
            "offsets.retention.check.interval.ms", \.offsetsRetentionCheckIntervalMs, 1...(.max),
            "How often offsets that are too old are looked for."),
    ]

    private static let transactions: [Setting<BrokerConfiguration>] = [
        .number(
            "transaction.max.timeout.ms", \.transactionMaxTimeoutMs, 1...(.max),
            "The longest time-out that a transactional producer may ask for."),
        .number(
            "transactional.id.expiration.ms", \.transactionalIdExpirationMs, 1...(.max), "When an unused transactional id is forgotten."),
        .number(
            "transaction.remove.expired.transaction.cleanup.interval.ms", \.transactionCleanupIntervalMs, 1...(.max),
            "How often transactional ids that are too old are looked for."),
    ]

    private static let security: [Setting<BrokerConfiguration>] = [
        .list(
            "sasl.enabled.mechanisms", \.saslEnabledMechanisms, allowed: ["PLAIN"],
            "How clients say who they are; without any, nobody has to. The connection is not encrypted: keep it on one machine."),
        .number(
            "connection.failed.authentication.delay.ms", \.failedAuthenticationDelayMs, 0...10_000,
            "How long the answer to a wrong password takes, against guessing."),
        .choice(
            "authorizer.class.name", \.authorizerClass, "Who decides what clients may do: empty for nobody, or Kafka's class for ACLs."),
        .flag("allow.everyone.if.no.acl.found", \.allowEveryoneIfNoACLFound, "What no ACL is about is open to everybody."),
        .list("super.users", \.superUsers, separator: ";", "Principals who may do everything, as User:name, with semicolons between."),
    ]
}

extension BrokerConfiguration {
    /// Keys of Kafka that mean nothing here, and what to do instead.
    private static let elsewhere: [String: String] = [
        "listeners": "say --listen",
        "log.dir": "say --data-dir",
        "log.dirs": "say --data-dir",
        "process.roles": "remove it: this broker is its own controller",
        "controller.quorum.voters": "remove it: this broker is its own controller",
        "controller.quorum.bootstrap.servers": "remove it: this broker is its own controller",
        "controller.listener.names": "remove it: this broker is its own controller",
        "zookeeper.connect": "remove it: this broker is its own controller",
        "offsets.topic.replication.factor": "remove it: there is one broker",
        "transaction.state.log.replication.factor": "remove it: there is one broker",
        "transaction.state.log.min.isr": "remove it: there is one broker",
    ]

    static func unknown(_ name: String) -> SettingError {
        if let hint = elsewhere[name] { return SettingError("\(name) is not set here: \(hint)") }
        let nearest = all.map { (name: $0.name, distance: EditDistance.between(name, $0.name)) }.min { $0.distance < $1.distance }
        if let nearest, nearest.distance <= 3 { return SettingError("\(name) is not known; did you mean \(nearest.name)?") }
        return SettingError("\(name) is not a key that this broker knows; remove it (docs/broker.md lists all keys)")
    }
}
