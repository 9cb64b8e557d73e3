import Kafka
import MeshTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct TransactionTests {
    @Test func onlyCommittedRecordsAreVisible() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let (committed, all) = try await blocking {
            let producer = try Producer(broker.settings, .patient(broker.uniqueName("tx")), observer: quiet)
            defer { producer.close() }
            try producer.initTransactions(timeout: .seconds(60))
            for (value, commits) in [("a", true), ("b", false), ("c", true)] {
                try producer.beginTransaction()
                try producer.send(OutgoingRecord(topic: topic, value: Array(value.utf8)))
                if commits {
                    try producer.commitTransaction(timeout: .seconds(60))
                } else {
                    try producer.flush(timeout: .seconds(60))
                    try producer.abortTransaction(timeout: .seconds(60))
                }
            }
            return (try readAll(topic, broker.settings), try readAll(topic, broker.settings, isolation: .readUncommitted))
        }
        #expect(committed.map(\.value) == ["a", "c"].map { Array($0.utf8) })
        #expect(all.map(\.value) == ["a", "b", "c"].map { Array($0.utf8) })
    }

    @Test func aNewOwnerOfTheIdFencesTheOldOne() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let (error, visible) = try await blocking {
            let settings = ProducerSettings.patient(broker.uniqueName("tx"))
            let old = try Producer(broker.settings, settings, observer: quiet)
            defer { old.close() }
            try old.initTransactions(timeout: .seconds(60))
            try old.beginTransaction()
            try old.send(OutgoingRecord(topic: topic, value: Array("old".utf8)))
            try old.flush(timeout: .seconds(60))

            let new = try Producer(broker.settings, settings, observer: quiet)
            defer { new.close() }
            try new.initTransactions(timeout: .seconds(60))
            try new.beginTransaction()
            try new.send(OutgoingRecord(topic: topic, value: Array("new".utf8)))
            try new.commitTransaction(timeout: .seconds(60))

            var error: KafkaError?
            do throws(KafkaError) { try old.commitTransaction(timeout: .seconds(60)) } catch let caught { error = caught }
            return (error, try readAll(topic, broker.settings).map(\.value))
        }
        #expect(error?.isFatal == true && error?.isFenced == true, "\(String(describing: error))")
        #expect(visible == [Array("new".utf8)])
    }

    @Test func offsetsWithMetadataTravelWithTheTransaction() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let group = broker.uniqueName("group")
        let partition = TopicPartition(topic, 0)
        try await blocking {
            let delegate = RecordingDelegate()
            let consumer = try Consumer(broker.settings, group: .patient(group), events: delegate, observer: quiet)
            defer { consumer.close() }
            try consumer.subscribe(to: [topic])
            try consumer.poll { delegate.assigned.contains(partition) }
            let producer = try Producer(broker.settings, .patient(broker.uniqueName("tx")), observer: quiet)
            defer { producer.close() }
            try producer.initTransactions(timeout: .seconds(60))

            try producer.beginTransaction()
            try producer.sendOffsets(
                [partition: CommittedOffset(offset: 7, metadata: "dropped")], group: try consumer.groupMetadata(), timeout: .seconds(60))
            try producer.abortTransaction(timeout: .seconds(60))
            #expect(try consumer.committed([partition]) == [:])

            try producer.beginTransaction()
            let offset = CommittedOffset(offset: 3, metadata: "1,5-8")
            try producer.sendOffsets([partition: offset], group: try consumer.groupMetadata(), timeout: .seconds(60))
            try producer.commitTransaction(timeout: .seconds(60))
            #expect(try consumer.committed([partition]) == [partition: offset])
        }
    }

    @Test func aMemberOfAnOldGenerationCannotCommitOffsets() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(partitions: 2)
        let group = broker.uniqueName("group")
        let error: KafkaError? = try await blocking {
            let first = RecordingDelegate()
            let consumer = try Consumer(broker.settings, group: .patient(group), events: first, observer: quiet)
            try consumer.subscribe(to: [topic])
            try consumer.poll { first.assigned.count == 2 }
            let stale = try consumer.groupMetadata()
            consumer.close()

            let second = RecordingDelegate()
            let successor = try Consumer(broker.settings, group: .patient(group), events: second, observer: quiet)
            defer { successor.close() }
            try successor.subscribe(to: [topic])
            try successor.poll { second.assigned.count == 2 }

            let producer = try Producer(broker.settings, .patient(broker.uniqueName("tx")), observer: quiet)
            defer { producer.close() }
            try producer.initTransactions(timeout: .seconds(60))
            try producer.beginTransaction()
            do throws(KafkaError) {
                try producer.sendOffsets([TopicPartition(topic, 0): CommittedOffset(offset: 1)], group: stale, timeout: .seconds(60))
                return nil
            } catch {
                try producer.abortTransaction(timeout: .seconds(60))
                return error
            }
        }
        #expect(error?.requiresAbort == true, "\(String(describing: error))")
    }
}
