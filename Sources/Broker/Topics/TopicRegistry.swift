import BrokerStorage
import KafkaProtocol

/// Knows all topics, makes and removes them. On the broker's thread.
final class TopicRegistry {
    /// Called after a topic is gone, for what others keep about it.
    var onTopicDeleted: [(Topic) -> Void] = []
    private(set) var clusterID = ""
    /// Over all topics.
    private(set) var partitionCount = 0
    let configuration: BrokerConfiguration

    /// Of the topics in which the broker keeps its own state: small segments, since only full ones are compacted, and all is read at the start. Old files go
    /// soon: commits come all the time, and nobody else reads them.
    private static let internalSettings = ["cleanup.policy": "compact", "segment.bytes": "1048576", "file.delete.delay.ms": "1000"]
    private let metadata: MetadataLog
    private let store: any PartitionStore
    private var random: any RandomNumberGenerator
    private var byName: [String: Topic] = [:]
    private var byID: [WireUUID: Topic] = [:]
    /// The names in use, by what they look like in metrics.
    private var names: [String: String] = [:]

    /// - Parameter random: makes the ids of topics and of the cluster.
    init(metadata: MetadataLog, store: any PartitionStore, configuration: BrokerConfiguration, random: any RandomNumberGenerator) {
        self.metadata = metadata
        self.store = store
        self.configuration = configuration
        self.random = random
    }

    func topic(named name: String) -> Topic? { byName[name] }
    func topic(id: WireUUID) -> Topic? { byID[id] }

    var count: Int { byName.count }
    /// By name, in order.
    var topics: [Topic] { byName.values.sorted { $0.name < $1.name } }

    func exists(_ partition: TopicPartition) -> Bool { byName[partition.topic]?.log(partition.partition) != nil }

    /// The topic that a new one of this name could not be told from in metrics.
    func collision(with name: String) -> String? { names[TopicName.collisionKey(name)].flatMap { $0 == name ? nil : $0 } }

    /// Opens the logs of all topics that there are, takes those of no topic out of the way, and makes the internal topics. For the start of the broker.
    func load(_ snapshot: MetadataSnapshot) throws(MetadataError) {
        let existing = store.existingPartitions.filter { $0.partition.topic != TopicName.clusterMetadata }
        guard snapshot.cluster != nil || existing.isEmpty else { throw .missing(partitions: existing.count) }
        try identify(snapshot.cluster)
        for (partition, id) in existing {
            guard let record = snapshot.topics[partition.topic], record.id == id, partition.partition < record.partitions else {
                // It may be what was left of a topic's making or deletion, or all there is of a topic whose record was lost.
                store.setAside(partition)
                continue
            }
        }
        for (name, record) in snapshot.topics.sorted(by: { $0.key < $1.key }) { try open(name, record) }
        for name in [TopicName.consumerOffsets, TopicName.transactionState] where byName[name] == nil {
            do { _ = try create(name, partitions: 1, overrides: Self.internalSettings) } catch { throw .log(error.code) }
        }
    }

    private func identify(_ cluster: ClusterRecord?) throws(MetadataError) {
        var cluster = cluster ?? ClusterRecord()
        if cluster.id.isZero {
            cluster.id = WireUUID.random(using: &random)
            do { try metadata.put(.cluster, "", cluster) } catch { throw .log(error) }
        }
        clusterID = cluster.id.description
    }

    private func open(_ name: String, _ record: TopicRecord) throws(MetadataError) {
        let settings: TopicSettings
        do { settings = try TopicSettings(record.overridesByName, over: configuration.topicDefaults) } catch {
            throw .setting(topic: name, error)
        }
        // Nothing is undone when one of them cannot be opened: they hold data.
        var logs: [any OpenPartition] = []
        for index in 0..<max(0, record.partitions) {
            do throws(StorageError) {
                logs.append(try store.openPartition(TopicPartition(name, index), topicID: record.id, settings: settings))
            } catch {
                throw .storage(error)
            }
        }
        insert(Topic(name: name, id: record.id, overrides: record.overridesByName, settings: settings, logs: logs))
    }

    private func insert(_ topic: Topic) {
        byName[topic.name] = topic
        byID[topic.id] = topic
        names[TopicName.collisionKey(topic.name)] = topic.name
        partitionCount += topic.logs.count
    }

    /// Makes new logs: all of them, or none.
    private func makeLogs(_ name: String, _ id: WireUUID, _ range: Range<Int32>, _ settings: TopicSettings) throws(StorageError)
        -> [any OpenPartition]
    {
        var logs: [any OpenPartition] = []
        for index in range {
            do throws(StorageError) {
                logs.append(try store.openPartition(TopicPartition(name, index), topicID: id, settings: settings))
            } catch {
                deleteLogs(name, range.lowerBound..<index)
                throw error
            }
        }
        return logs
    }

    private func deleteLogs(_ name: String, _ range: Range<Int32>) {
        for index in range { store.deletePartition(TopicPartition(name, index)) }
    }
}

// A change holds when its record is in the metadata log. New logs are made before that and old ones removed after it, so that a crash between leaves at most
// logs that nobody knows, which the next start takes out of the way.
extension TopicRegistry {
    /// Makes a topic that does not exist, with what was checked before.
    func create(_ name: String, partitions: Int32, overrides: [String: String]) throws(ResourceError) -> Topic {
        precondition(byName[name] == nil, "topic \(name) exists")
        let settings = try settings(overrides)
        let id = WireUUID.random(using: &random)
        let logs = try attemptMake(name, id, 0..<partitions, settings)
        try attemptPut(name, TopicRecord(id: id, partitions: partitions, overrides: overrides)) { deleteLogs(name, 0..<partitions) }
        let topic = Topic(name: name, id: id, overrides: overrides, settings: settings, logs: logs)
        insert(topic)
        return topic
    }

    func delete(_ topic: Topic) throws(ResourceError) {
        do { try metadata.remove(.topic, topic.name) } catch {
            throw ResourceError(error, "The change of topic '\(topic.name)' cannot be written.")
        }
        byName[topic.name] = nil
        byID[topic.id] = nil
        names[TopicName.collisionKey(topic.name)] = nil
        partitionCount -= topic.logs.count
        deleteLogs(topic.name, 0..<topic.partitionCount)
        for action in onTopicDeleted { action(topic) }
    }

    /// - Parameter count: more than the topic has.
    func grow(_ topic: Topic, to count: Int32) throws(ResourceError) {
        let added = topic.partitionCount..<count
        let logs = try attemptMake(topic.name, topic.id, added, topic.settings)
        try attemptPut(topic.name, TopicRecord(id: topic.id, partitions: count, overrides: topic.overrides)) {
            deleteLogs(topic.name, added)
        }
        topic.add(logs)
        partitionCount += logs.count
    }

    /// Replaces the topic's own settings; they hold at once.
    func configure(_ topic: Topic, _ overrides: [String: String]) throws(ResourceError) {
        let settings = try settings(overrides)
        try attemptPut(topic.name, TopicRecord(id: topic.id, partitions: topic.partitionCount, overrides: overrides)) {}
        topic.configure(overrides, settings)
    }

    /// What a topic with these settings of its own goes by.
    func settings(_ overrides: [String: String]) throws(ResourceError) -> TopicSettings {
        do { return try TopicSettings(overrides, over: configuration.topicDefaults) } catch {
            throw ResourceError(.invalidConfig, error.description)
        }
    }

    private func attemptMake(_ name: String, _ id: WireUUID, _ range: Range<Int32>, _ settings: TopicSettings) throws(ResourceError)
        -> [any OpenPartition]
    {
        do { return try makeLogs(name, id, range, settings) } catch { throw ResourceError(.kafkaStorageError, error.description) }
    }

    private func attemptPut(_ name: String, _ record: TopicRecord, orElse undo: () -> Void) throws(ResourceError) {
        do {
            try metadata.put(.topic, name, record)
        } catch {
            undo()
            throw ResourceError(error, "The change of topic '\(name)' cannot be written.")
        }
    }
}
