import KafkaProtocol

/// What a consumer says in its protocol metadata (`ConsumerProtocolSubscription`), as far as the coordinator asks: which topics it reads.
struct Subscription: WireField {
    var topics: [String] = []

    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) { try coder.array(&topics) }

    /// What the members of a group read together; nil when they are no consumers or say it in a way that is not known.
    static func topics(of group: Group) -> Set<String>? {
        guard group.isConsumerGroup else { return nil }
        var topics: Set<String> = []
        for member in group.members.values {
            let metadata = member.metadata(for: group.protocolName)
            // A version, and what every version begins with.
            var reader = MessageReader(metadata, from: min(2, metadata.count), version: 0, isFlexible: false)
            var subscription = Subscription()
            do { try subscription.code(&reader) } catch { return nil }
            topics.formUnion(subscription.topics)
        }
        return topics
    }
}
