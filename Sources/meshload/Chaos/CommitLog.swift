import Kafka

/// Everything that a group has committed, in the order of the log; of a log that was compacted, what it still has.
struct CommitLog {
    private static let topic = "__consumer_offsets"

    /// nil: the commit was forgotten.
    private(set) var commits: [TopicPartition: [CommittedOffset?]] = [:]

    /// Reads the log of the group's coordinator. What a transaction committed counts when the transaction did. Throws where the topic cannot be read.
    init(of group: String, _ client: ClientSettings) throws {
        let partitions = try TopicReader.partitions(of: Self.topic, client)
        let partition = TopicPartition(Self.topic, CommitRecord.partition(of: group, among: partitions.count))
        try TopicReader.read([partition], client, isolation: .readCommitted) { record in
            guard let record = try CommitRecord(key: record.key, value: record.value), record.group == group else { return }
            let commit = record.value.map { CommittedOffset(offset: $0.offset, metadata: $0.metadata) }
            append(commit, of: TopicPartition(record.topic, record.partition))
        }
        guard !commits.isEmpty else { throw LoadFailure("\(Self.topic) has no commit of \(group)") }
    }

    /// With nothing in it.
    init() {}

    mutating func append(_ commit: CommittedOffset?, of partition: TopicPartition) {
        commits[partition, default: []].append(commit)
    }

    var count: Int { commits.values.reduce(0) { $0 + $1.count } }
}
