import BotKit
import Envelopes
import Kafka

extension ChaosTopics {
    /// Makes the mesh's own topics where they are missing; how many partitions mesh.dlq has.
    static func prepare(_ client: ClientSettings) throws -> Int32 {
        try Topics.ensure(
            [deadLetters, BotCapabilities.type.name, BotErrorEvent.type.name, "mesh.audit"], compacted: ["mesh.control", "mesh.instances"],
            client)
        let admin = try AdminClient(client)
        defer { admin.close(timeout: .seconds(1)) }
        let count = try admin.metadata(topic: deadLetters).topics[deadLetters]?.partitions.count ?? 0
        guard count > 0 else { throw LoadFailure("there is no topic \(deadLetters)") }
        return Int32(count)
    }

    /// Makes the run's own topics.
    func make(_ client: ClientSettings) throws {
        try Topics.ensure([input, output] + (inbox.map { [$0] } ?? []), compacted: [state], partitions: partitionCount, client)
        try Topics.ensure([retry], partitions: retryPartitionCount, client)
    }

    /// Removes topics from a Kafka that others use too.
    static func remove(_ names: [String], _ client: ClientSettings) throws {
        let admin = try AdminClient(client)
        defer { admin.close(timeout: .seconds(1)) }
        try admin.deleteTopics(names).check()
    }
}
