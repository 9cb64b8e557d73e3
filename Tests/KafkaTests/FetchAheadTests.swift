import MeshTesting
import Testing

@testable import Kafka

@Suite(.timeLimit(.minutes(10))) struct FetchAheadTests {
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
            #expect(consumer.close(timeout: .seconds(60)))
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

    @Test func whatIsPolledToBeReadLaterCanLosePartitions() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(partitions: 2)
        try await blocking {
            let producer = try Producer(broker.settings, observer: quiet)
            defer { producer.close() }
            _ = try producer.sendAndWait(
                (0..<20).map {
                    OutgoingRecord(topic: topic, partition: $0 % 2, key: [1], value: [UInt8($0)], headers: [Header("n", text: "\($0)")])
                })
            let consumer = try Consumer(broker.settings, group: .none(reportsPartitionEnd: true), observer: quiet)
            defer { consumer.close() }
            try consumer.assign([TopicPartition(topic, 0): .beginning, TopicPartition(topic, 1): .beginning])
            let records = FetchedRecords()
            var ends = 0
            let limit = ContinuousClock.now.advanced(by: .seconds(30))
            while ends < 2, ContinuousClock.now < limit {
                if case .partitionEnd = consumer.poll(timeout: .milliseconds(100), into: records) { ends += 1 }
            }
            #expect((records.count, records.bytes) == (20, 40))
            records.remove([TopicPartition(topic, 1)])
            #expect((records.count, records.bytes) == (10, 20))
            var read: [Record] = []
            records.read { read.append($0) }
            #expect(read.map(\.value) == (0..<10).map { [UInt8(2 * $0)] })
            #expect(read.map(\.offset) == Array(0..<10))
            #expect(read[3].headers == [Header("n", text: "6")])
            #expect((records.count, records.bytes) == (0, 0))
        }
    }
}
