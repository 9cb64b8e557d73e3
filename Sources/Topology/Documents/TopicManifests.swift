import Envelopes

extension EventCatalogue {
    /// Strimzi's `KafkaTopic` for every topic of a mesh with these bots.
    public func strimziTopics(bots: [(name: String, isStateful: Bool)], cluster: String, replicas: Int) -> String {
        topics(bots: bots).map { definition in
            let topic = definition.newTopic(replicas: replicas)
            let settings = topic.configuration.sorted { $0.key < $1.key }.map { "    \($0.key): \(YAMLWriter.string($0.value))\n" }
            return """
                apiVersion: kafka.strimzi.io/v1
                kind: KafkaTopic
                metadata:
                  name: \(KubernetesName.of(topic.name))
                  labels:
                    strimzi.io/cluster: \(YAMLWriter.string(cluster))
                spec:
                  topicName: \(YAMLWriter.string(topic.name))
                  partitions: \(topic.partitions)
                  replicas: \(replicas)
                  config:

                """ + settings.joined()
        }.joined(separator: "---\n")
    }
}
