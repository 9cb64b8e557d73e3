import MeshTesting
import Testing

@testable import Kafka

@Suite(.timeLimit(.minutes(1))) struct FetchAheadTests {
    /// librdkafka's thread is woken while what was fetched ahead is used up; and closing does not pull the client away from under who asks.
    @Test func theFetchingThreadIsWokenAsTheQueueEmpties() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        try await blocking {
            let producer = try Producer(broker.settings, observer: quiet)
            defer { producer.close() }
            _ = try producer.sendAndWait((0..<400).map { _ in OutgoingRecord(topic: topic, value: [UInt8](repeating: 65, count: 10_000)) })
            var settings = GroupSettings.none(reportsPartitionEnd: true)
            settings.prefetchKilobytes = 1_024
            let consumer = try Consumer(broker.settings, group: settings, observer: quiet)
            try consumer.assign([TopicPartition(topic, 0): .beginning])
            #expect(try consumer.recordsToEnd(partitions: 1).count == 400)
            #expect((1...16).contains(consumer.fetchWaker.requests))
            #expect(consumer.close())
        }
    }

    @Test func fewBytesWakeNobody() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        try await blocking {
            let producer = try Producer(broker.settings, observer: quiet)
            defer { producer.close() }
            _ = try producer.sendAndWait([OutgoingRecord(topic: topic, value: [1])])
            let consumer = try Consumer(broker.settings, group: .none(reportsPartitionEnd: true), observer: quiet)
            defer { consumer.close() }
            try consumer.assign([TopicPartition(topic, 0): .beginning])
            #expect(try consumer.recordsToEnd(partitions: 1).count == 1)
            #expect(consumer.fetchWaker.requests == 0)
        }
    }
}
