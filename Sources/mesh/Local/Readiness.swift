import Envelopes
import FoundationEssentials
import Kafka
import Topology

/// Watches `mesh.instances` until every instance has reported that it runs.
struct Readiness {
    let settings: ClientSettings
    let instances: [Instance]

    /// Waits up to `timeout`, or until `isOver`; gives the instances that have not reported by then, each with what it last said.
    func wait(pids: @Sendable (Instance) -> Int32?, timeout: Duration, isOver: () -> Bool) throws -> [(Instance, String)] {
        let consumer = try Consumer(settings, group: .none())
        defer { _ = consumer.close(timeout: .seconds(2)) }
        let admin = try AdminClient(settings)
        defer { admin.close() }
        let partitions = try admin.metadata(timeout: .seconds(10)).topics[InstanceRecord.topic]?.partitions ?? []
        try consumer.assign(
            Dictionary(uniqueKeysWithValues: partitions.map { (TopicPartition(topic: InstanceRecord.topic, partition: $0.id), .beginning) })
        )

        var missing = Dictionary(uniqueKeysWithValues: instances.map { ($0.description, "it has not reported yet") })
        let decoder = JSONDecoder()
        let deadline = ContinuousClock.now.advanced(by: timeout)
        while !missing.isEmpty, !isOver(), ContinuousClock.now < deadline {
            guard case .record(let record) = consumer.poll(timeout: .milliseconds(200)), let value = record.value,
                let said = try? decoder.decode(InstanceRecord.self, from: Data(value)), missing[said.instance] != nil,
                let instance = instances.first(where: { $0.description == said.instance }), pids(instance) == said.pid
            else { continue }
            // One that a person has paused is as ready as it shall be.
            let isReady = (said.state == .running || said.state == .paused) && said.notReady == nil
            missing[said.instance] = isReady ? nil : said.notReady ?? "it is \(said.state.rawValue)"
        }
        return instances.compactMap { instance in missing[instance.description].map { (instance, $0) } }
    }
}
