import Envelopes
import Kafka

/// Makes a broker match the catalogue.
public struct TopicApplier {
    private static let batch = 50
    private let admin: AdminClient
    private let timeout: Duration

    /// `timeout` is that of one call to the broker.
    public init(_ admin: AdminClient, timeout: Duration = AdminClient.standardTimeout) {
        self.admin = admin
        self.timeout = timeout
    }

    /// What would have to be done. `bots` are those of the mesh, custom ones included.
    public func plan(_ catalogue: EventCatalogue, bots: [(name: String, isStateful: Bool)]) throws(KafkaError) -> TopicPlan {
        try plan(
            for: catalogue.topics(bots: bots), metadata: try admin.metadata(timeout: timeout), ownedPrefixes: catalogue.ownedPrefixes)
    }

    /// What would have to be done for these topics. `metadata` is the broker's, of all topics.
    public func plan(
        for wanted: [EventDefinition], metadata: ClusterMetadata, ownedPrefixes: Set<String>
    ) throws(KafkaError) -> TopicPlan {
        let names = Set(wanted.map(\.type.name))
        var existing: [String: TopicPlan.Existing] = [:]
        for (name, topic) in metadata.topics where topic.error == nil {
            var found = TopicPlan.Existing(partitions: topic.partitions.count)
            if names.contains(name) { found.settings = try settings(of: name) }
            existing[name] = found
        }
        return TopicPlan(
            wanted: wanted, existing: existing, replicas: min(3, max(1, metadata.brokers.count)), ownedPrefixes: ownedPrefixes)
    }

    /// Does the steps of a plan, those that need force only when forced. Returns the steps that were done; throws at the first that cannot be.
    @discardableResult
    public func apply(_ plan: TopicPlan, force: Bool = false) throws(KafkaError) -> [TopicPlan.Step] {
        let steps = plan.steps.filter { force || !$0.needsForce }
        var doomed: [String] = []
        var created: [NewTopic] = []
        var raised: [String: Int32] = [:]
        for step in steps {
            switch step {
            case .create(let topic): created.append(topic)
            case .shrink(_, let topic):
                doomed.append(topic.name)
                created.append(topic)
            case .delete(let topic, _): doomed.append(topic)
            case .addPartitions(let topic, _, let after): raised[topic] = Int32(after)
            case .change: break
            }
        }
        try admin.deleteTopics(doomed, timeout: timeout).check { $0.isUnknownTopicOrPartition }
        for start in stride(from: 0, to: created.count, by: Self.batch) {
            let some = Array(created[start..<min(created.count, start + Self.batch)])
            // Another `mesh` may be doing the same.
            try admin.createTopics(some, timeout: timeout).check { $0.isTopicAlreadyExists }
        }
        try admin.createPartitions(raised, timeout: timeout).check()
        for case .change(let topic, let changes) in steps where !doomed.contains(topic) {
            try admin.alterConfigs(
                .topic(topic), Dictionary(uniqueKeysWithValues: changes.map { ($0.setting, Optional($0.after)) }), timeout: timeout)
        }
        return steps
    }

    /// nil when the broker does not tell.
    private func settings(of topic: String) throws(KafkaError) -> [String: String]? {
        do throws(KafkaError) {
            return try admin.describeConfigs(.topic(topic), timeout: timeout).compactMapValues(\.value)
        } catch  where error.name == "_UNSUPPORTED_FEATURE" || error.name == "UNSUPPORTED_VERSION" || error.isUnknownTopicOrPartition {
            return nil
        }
    }
}
