import Envelopes
import Kafka
import LocalBroker
import MeshTesting
import Testing

@testable import mesh

/// The reader at a real broker.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LagReaderTests {
    private func commit(_ settings: ClientSettings, group: String, _ offsets: [TopicPartition: Int64]) throws {
        let consumer = try Consumer(settings, group: GroupSettings(id: group))
        defer { consumer.close() }
        try consumer.commit(offsets.mapValues { CommittedOffset(offset: $0) })
    }

    private func owner(_ bot: String, _ topic: String, partitions: Int32) -> [InstanceStatus] {
        let record = instanceRecord(bot, 1, partitions: (0..<partitions).map { "\(topic)[\($0)]" })
        return [InstanceStatus(record: record, standing: .running, age: .zero)]
    }

    /// What the reader finds when it has found all: what a busy broker does not tell in time is unknown.
    private func complete(_ count: Int, _ sample: () throws -> LagSample) throws -> [PartitionLag] {
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        while true {
            let rows = try sample().rows
            let isComplete = rows.count == count && rows.allSatisfy { $0.records != nil && $0.unread != .unknown }
            if isComplete || ContinuousClock.now >= deadline { return rows }
        }
    }

    @Test func itTellsWhatWaitsHowOldItIsAndWhatIsOnlyAMark() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(partitions: 5)
        let bot = broker.uniqueName("LagBot")
        let rows = try await DedicatedThread.run(name: "lag") {
            let producer = try Producer(broker.settings)
            func record(_ partition: Int32) -> OutgoingRecord { OutgoingRecord(topic: topic, partition: partition, value: Array("x".utf8)) }
            _ = try producer.sendAndWait((0..<10).map { _ in record(0) } + (0..<3).map { _ in record(1) })
            producer.close()
            // Partition 2 ends in a mark: its one record and then the end of the transaction. Partition 3 holds one that is not over.
            let writer = try Producer(broker.settings, ProducerSettings(transactionalID: bot, transactionTimeout: .seconds(300)))
            try writer.initTransactions(timeout: .seconds(60))
            try writer.beginTransaction()
            try writer.send(record(2))
            try writer.commitTransaction(timeout: .seconds(60))
            try writer.beginTransaction()
            try writer.send(record(3))
            try writer.flush(timeout: .seconds(60))
            try commit(broker.settings, group: bot, [TopicPartition(topic, 0): 4, TopicPartition(topic, 2): 1])
            let reader = try LagReader(broker.settings)
            defer { reader.close() }
            let rows = try complete(5) { try reader.sample([bot], owner(bot, topic, partitions: 5)) }
            try writer.abortTransaction(timeout: .seconds(60))
            writer.close()
            return rows
        }
        #expect(rows.map(\.partition.partition) == [0, 1, 2, 3, 4])
        #expect(rows.map(\.committed) == [.offset(4), .nothing, .offset(1), .nothing, .nothing])
        #expect(rows.map(\.records) == [6, 3, 0, 1, 0])
        #expect(rows[2].marks?.high == 2)
        #expect(rows[3].unread == .inTransaction)
        #expect(rows[3].behind(at: .now) == nil)
        for index in [0, 1] {
            let behind = try #require(rows[index].behind(at: .now))
            #expect(behind < .seconds(600))
        }
        #expect(rows[4].behind(at: .now) == .zero)
    }

    @Test func twoGroupsAtTwoPlacesOfOnePartitionAreBothFound() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let bots = [broker.uniqueName("LagBot"), broker.uniqueName("LagBot")].sorted()
        let rows = try await DedicatedThread.run(name: "lag") {
            let producer = try Producer(broker.settings)
            _ = try producer.sendAndWait((0..<10).map { _ in OutgoingRecord(topic: topic, partition: 0, value: [1]) })
            producer.close()
            for (place, bot) in bots.enumerated() {
                try commit(broker.settings, group: bot, [TopicPartition(topic, 0): Int64(place * 5)])
            }
            let reader = try LagReader(broker.settings)
            defer { reader.close() }
            return try complete(2) { try reader.sample(bots, bots.flatMap { owner($0, topic, partitions: 1) }) }
        }
        #expect(rows.map(\.records) == [10, 5])
        #expect(rows.allSatisfy { $0.behind(at: .now) != nil })
    }

    /// A broker that dies while it is asked must not end the process, and what it does not tell is unknown.
    @Test func aBrokerThatIsGoneLeavesUnknownsAndOneThatIsBackIsFound() async throws {
        try await DedicatedThread.run(name: "lag") {
            let broker = try BrokerFixture.makeLocal()
            let admin = try AdminClient(broker.settings)
            try admin.createTopics([NewTopic(name: "lag", partitions: 2)]).check()
            admin.close()
            let producer = try Producer(broker.settings)
            _ = try producer.sendAndWait([OutgoingRecord(topic: "lag", partition: 0, value: [1])])
            producer.close()
            let reader = try LagReader(broker.settings)
            defer { reader.close() }
            let instances = owner("LagBot", "lag", partitions: 2)
            #expect(try complete(2) { try reader.sample(["LagBot"], instances) }.map(\.records) == [1, 0])
            broker.kill()
            let gone = try reader.sample(["LagBot"], instances)
            #expect(gone.rows.map(\.records) == [nil, nil])
            #expect(!gone.troubles.isEmpty)
            try broker.start()
            let deadline = ContinuousClock.now.advanced(by: .seconds(60))
            var back = try reader.sample(["LagBot"], instances)
            while back.rows.map(\.records) != [1, 0], ContinuousClock.now < deadline {
                back = try reader.sample(["LagBot"], instances)
            }
            #expect(back.rows.map(\.records) == [1, 0])
            broker.kill()
        }
    }
}
