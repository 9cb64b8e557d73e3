import Kafka
import MeshTesting
import Testing

@testable import mesh

@Suite(.timeLimit(.minutes(10))) struct FenceTests {
    /// A process that was scaled away, and is still there with a transaction open.
    @Test func whatASlotHasLeftOpenIsGivenUpAtOnceAndItCannotCommitAnyMore() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let instance = Instance(bot: broker.uniqueName("FenceBot"), replica: 2)
        try await DedicatedThread.run(name: "fence") {
            let old = try Producer(
                broker.settings,
                ProducerSettings(transactionalID: Fence.transactionalID(of: instance), transactionTimeout: .seconds(300)), observer: .quiet)
            defer { old.close(timeout: .seconds(1)) }
            try old.initTransactions(timeout: .seconds(60))
            try old.beginTransaction()
            try old.send(OutgoingRecord(topic: topic, partition: 0, value: [1]))
            try old.flush(timeout: .seconds(60))
            let other = try Producer(broker.settings)
            _ = try other.sendAndWait([OutgoingRecord(topic: topic, partition: 0, value: [2])])
            other.close()

            let place = TopicPartition(topic, 0)
            let reader = try Consumer(broker.settings, group: .none())
            defer { _ = reader.close(timeout: .seconds(1)) }
            #expect(try reader.watermarks(of: place).high == 0, "what comes after an open transaction is hidden")
            try Fence.close(instance, broker.settings)
            var deadline = ContinuousClock.now.advanced(by: .seconds(60))
            while try reader.watermarks(of: place).high < 2, ContinuousClock.now < deadline {}
            #expect(try reader.watermarks(of: place).high >= 2)
            #expect(throws: KafkaError.self) { try old.commitTransaction(timeout: .seconds(60)) }
            try reader.assign([place: .beginning])
            var values: [[UInt8]?] = []
            deadline = .now.advanced(by: .seconds(60))
            while values.isEmpty, ContinuousClock.now < deadline {
                if case .record(let record) = reader.poll(timeout: .milliseconds(100)) { values.append(record.value) }
            }
            #expect(values == [[2]])
        }
    }
}
