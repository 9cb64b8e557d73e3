import Bots

/// The bots of a mesh, as far as anybody can know them who has nothing but Kafka.
enum KnownBots {
    /// Those that `seen` names, those that come with the mesh, and those that have a retry topic among `topics`; the latter alone in lower case.
    static func names(seen: Set<String>, topics: Set<String>) -> Set<String> {
        let names = seen.union(BotRegistry.all.map { $0.contract.name })
        let known = Set(names.map(OwnTopic.retryTopic))
        let others = topics.filter { $0.hasPrefix(OwnTopic.retry) && !known.contains($0) }
        return names.union(others.map { String($0.dropFirst(OwnTopic.retry.count)) })
    }
}
