import Kafka
import LocalBroker
import MeshTesting
import Terminal
import Testing

@testable import mesh

/// A purge at a real broker.
@Suite(.timeLimit(.minutes(10))) struct PurgeTests {
    /// A person is asked about those that are there; a bot may give up more while the question stands.
    @Test func whatComesAfterTheQuestionStays() async throws {
        let (result, states) = try await DedicatedThread.run(name: "purge") {
            // A broker of its own: there is one topic of dead letters.
            let broker = try BrokerFixture.makeLocal()
            defer { broker.stop() }
            let admin = try AdminClient(broker.settings)
            defer { admin.close() }
            try admin.createTopics(["mesh.dlq", "mesh.dlq_marks", "mesh.audit"].map { NewTopic(name: $0, partitions: 2) }).check()
            let producer = try Producer(broker.settings)
            defer { producer.close() }
            func giveUp(_ partition: Int32) throws {
                let letter = Letters.make().record
                _ = try producer.sendAndWait([
                    OutgoingRecord(
                        topic: "mesh.dlq", partition: partition, key: letter.key, value: letter.value, headers: letter.headers)
                ])
            }
            let purge = Purge(
                settings: broker.settings, selection: DeadLetterSelection(), limit: 3, isTransactional: true, person: "somebody",
                patience: .seconds(20), stop: StopSign())
            try giveUp(0)
            try giveUp(0)
            var names = SeenNames()
            let plan = try purge.plan(noting: &names)
            #expect(plan.total == 2)
            try giveUp(0)
            try giveUp(1)
            let result = try purge.run(plan, environment: [:])
            var states: [DeadLetterPlace: DeadLetterState] = [:]
            try DeadLetterBox(broker.settings, limit: 3, patience: .seconds(20)).read { entry in
                states[entry.letter.place] = entry.state
                return true
            }
            return (result, states)
        }
        #expect(result.purged == 2 && result.remaining == 0)
        #expect(result.deleted == [TopicPartition("mesh.dlq", 0): 2])
        #expect(states == [DeadLetterPlace(partition: 0, offset: 2): .open, DeadLetterPlace(partition: 1, offset: 0): .open])
    }
}
