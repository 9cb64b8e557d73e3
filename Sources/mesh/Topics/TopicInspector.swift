import BotKit
import Envelopes
import Kafka
import Terminal
import Topology

/// Looks one topic up at the broker.
struct TopicInspector {
    let admin: AdminClient
    let catalogue: EventCatalogue
    let bots: [(name: String, isStateful: Bool)]
    let contracts: [Contract]

    /// nil: the catalogue has no such topic.
    func definition(of topic: String) -> EventDefinition? { catalogue.topics(bots: bots).first { $0.type.name == topic } }

    /// Throws a `UsageError` with the nearest name where neither the catalogue nor the broker has the topic.
    func describe(_ topic: String) throws -> TopicDescription {
        let definition = definition(of: topic)
        let metadata = try admin.metadata()
        let found = metadata.topics[topic].flatMap { $0.error == nil ? $0 : nil }
        guard definition != nil || found != nil else {
            let names = Set(metadata.topics.keys).union(catalogue.topics(bots: bots).map(\.type.name))
            throw UsageError.unknown("topic", topic, among: names)
        }
        var steps: [TopicPlan.Step] = []
        if let definition {
            steps = try TopicApplier(admin).plan(for: [definition], metadata: metadata, ownedPrefixes: []).steps
        }
        return TopicDescription(
            topic: topic, definition: definition, contracts: contracts, catalogue: catalogue, partitions: found.map(partitions),
            steps: steps)
    }

    private func partitions(of topic: ClusterMetadata.Topic) -> [TopicDescription.Partition] {
        topic.partitions.map { partition in
            // A partition without a leader has no answer: that is what the table says then.
            let marks = try? admin.watermarks(of: TopicPartition(topic: topic.name, partition: partition.id), timeout: .seconds(5))
            return TopicDescription.Partition(
                partition: partition.id, leader: partition.leader, replicas: partition.replicas, inSync: partition.inSyncReplicas,
                first: marks?.low, end: marks?.high)
        }
    }
}
