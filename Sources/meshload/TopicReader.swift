import Kafka

/// Reads topics from their first record to the last that was there when the reading began.
enum TopicReader {
    /// Gives each record to `body`, each partition in its order. Throws when nothing comes for a minute.
    static func read(
        _ topic: String, _ client: ClientSettings, isolation: GroupSettings.Isolation, _ body: (Record) throws -> Void
    ) throws {
        try read(partitions(of: topic, client), client, isolation: isolation, body)
    }

    static func partitions(of topic: String, _ client: ClientSettings) throws -> [TopicPartition] {
        let partitions = try client.reaching {
            try $0.metadata(topic: topic).topics[topic]?.partitions.map { TopicPartition(topic, $0.id) } ?? []
        }
        guard !partitions.isEmpty else { throw LoadFailure("there is no topic \(topic)") }
        return partitions
    }

    /// The same for some partitions.
    static func read(
        _ partitions: [TopicPartition], _ client: ClientSettings, isolation: GroupSettings.Isolation, _ body: (Record) throws -> Void
    ) throws {
        let consumer = try Consumer(client, group: .none(isolation: isolation, reportsPartitionEnd: true))
        defer { consumer.close() }
        // Where others write all the time, the end of a partition is never told: it is asked for.
        let ends = try consumer.watermarks(of: partitions, timeout: .seconds(30)).mapValues(\.high)
        try consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, .beginning) }))
        var open = Set(partitions)
        var lastNews = uptimeSeconds()
        while !open.isEmpty {
            switch consumer.poll(timeout: .milliseconds(100)) {
            case .record(let record):
                let end = ends[record.topicPartition] ?? .max
                if record.offset < end { try body(record) }
                if record.offset + 1 >= end { open.remove(record.topicPartition) }
            case .partitionEnd(let partition, _): open.remove(partition)
            case .error(let error): if error.isFatal { throw error }
            case nil:
                guard uptimeSeconds() - lastNews < 60 else { throw LoadFailure("\(partitions[0].topic): nothing came for a minute") }
                continue
            }
            lastNews = uptimeSeconds()
        }
    }
}
