import KafkaProtocol
import Testing

@testable import Broker

/// Each request in each state, as clients see it.
@Suite struct TransactionAnswerTests {
    private typealias Producer = TransactionMetadata.Producer

    @Test func aProducerWithoutTransactionalIDGetsAnIDOfItsOwn() throws {
        let bench = try TransactionBench()
        let producers = try (0..<2_500).compactMap { _ in try bench.initialize(nil).producer }
        #expect(producers.map(\.id) == Array(0..<2_500))
        #expect(producers.allSatisfy { $0.epoch == 0 })
        #expect(bench.log.entries.count == 3)
    }

    @Test func eachInitializationRaisesTheEpoch() throws {
        let bench = try TransactionBench()
        let first = try bench.producer("t")
        #expect(first.epoch == 0)
        #expect(try bench.producer("t") == Producer(id: first.id, epoch: 1))
        #expect(try bench.producer("t", timeout: 1) == Producer(id: first.id, epoch: 2))
        #expect(try bench.producer("other").id != first.id)
    }

    @Test(arguments: [
        ("", 60_000, ErrorCode.invalidRequest), ("t", 0, .invalidTransactionTimeout), ("t", -1, .invalidTransactionTimeout),
        ("t", 900_001, .invalidTransactionTimeout),
    ])
    func whatCannotBeIsRefused(id: String, timeout: Int32, error: ErrorCode) throws {
        let bench = try TransactionBench()
        let answer = try bench.initialize(id, timeout: timeout)
        #expect(answer.error == error)
        #expect(answer.producer == Producer(id: -1, epoch: -1))
        #expect(bench.coordinator.transactions.isEmpty)
    }

    @Test func halfAnExpectedProducerIsRefused() throws {
        let bench = try TransactionBench()
        #expect(try bench.initialize("t", expected: Producer(id: 5, epoch: -1)).error == .invalidRequest)
        #expect(try bench.initialize("t", expected: Producer(id: -1, epoch: 5)).error == .invalidRequest)
    }

    @Test func aProducerGoesOnAfterAnError() throws {
        let bench = try TransactionBench()
        let first = try bench.producer("t")
        let second = try bench.initialize("t", expected: first)
        #expect(second.producer == Producer(id: first.id, epoch: 1))
        // The answer was lost: asked again, it is the same.
        #expect(try bench.initialize("t", expected: first).producer == second.producer)
        #expect(try bench.initialize("t", expected: first).producer == second.producer)
        // Another one comes: neither of the former can go on.
        #expect(try bench.producer("t").epoch == 2)
        for former in [first, try #require(second.producer)] {
            #expect(try bench.initialize("t", expected: former).error == .producerFenced)
            #expect(try bench.initialize("t", expected: former, version: 3).error == .invalidProducerEpoch)
        }
        #expect(try bench.initialize("t", expected: Producer(id: first.id + 9, epoch: 2)).error == .producerFenced)
    }

    @Test func anIDThatIsNotKnownAnyMoreIsMadeAnew() throws {
        let bench = try TransactionBench()
        let answer = try bench.initialize("t", expected: Producer(id: 77, epoch: 3))
        #expect(answer.producer == Producer(id: 0, epoch: 0))
    }

    @Test func whenEpochsRunOutThereIsANewProducerID() throws {
        let bench = try TransactionBench()
        let first = try bench.producer("t")
        for _ in 1..<Int(TransactionMetadata.exhaustedEpoch) { _ = try bench.producer("t") }
        let last = Producer(id: first.id, epoch: try bench.producer("t").epoch)
        #expect(last.epoch == 32_766)
        let next = try bench.initialize("t", expected: last)
        #expect(next.producer == Producer(id: first.id + 1, epoch: 0))
        #expect(try bench.initialize("t", expected: last).producer == next.producer)
        #expect(try bench.end("t", last).error == .invalidProducerIDMapping)
        #expect(bench.coordinator.verify("t", producerID: first.id, epoch: last.epoch, partition: .a) == .invalidProducerIDMapping)
    }

    @Test func aTransactionIsCommitted() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t")
        #expect(!bench.coordinator.isOngoing("t", producerID: producer.id, epoch: 0, partition: .a))
        #expect(try bench.add([.a, .b], "t", producer).errors == [.none, .none])
        #expect(try bench.addOffsets("group", "t", producer).error == ErrorCode.none)
        #expect(bench.state("t") == .ongoing)
        #expect(bench.coordinator.isOngoing("t", producerID: producer.id, epoch: 0, partition: .a))
        #expect(bench.coordinator.isOngoing("t", producerID: producer.id, epoch: 0, partition: TransactionCoordinator.offsetsPartition))
        #expect(bench.coordinator.verify("t", producerID: producer.id, epoch: 0, partition: TopicPartition("a", 1)) == .invalidTxnState)
        #expect(bench.coordinator.verify("t", producerID: producer.id, epoch: 1, partition: .a) == .invalidProducerEpoch)
        #expect(try bench.end("t", producer).error == ErrorCode.none)
        #expect(bench.state("t") == .completeCommit)
        #expect(bench.participants.markers.map(\.partition) == [TransactionCoordinator.offsetsPartition, .a, .b])
        #expect(bench.participants.markers.allSatisfy { $0.commit && $0.producerID == producer.id && $0.epoch == 0 })
        #expect(!bench.coordinator.isOngoing("t", producerID: producer.id, epoch: 0, partition: .a))
        #expect(bench.coordinator.statistics().committed == 1)
        #expect(bench.coordinator.statistics().states == [.completeCommit: 1])
    }

    @Test func whatAddsNothingWritesNothing() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t")
        _ = try bench.add([.a], "t", producer)
        let size = bench.log.entries.count
        #expect(try bench.add([.a], "t", producer).errors == [.none])
        #expect(bench.log.entries.count == size)
    }

    @Test func endsAskedForAgain() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t")
        #expect(try bench.end("t", producer).error == .invalidTxnState)
        #expect(try bench.end("t", producer, commit: false).error == .invalidTxnState)
        for commit in [true, false] {
            _ = try bench.add([.a], "t", producer)
            #expect(try bench.end("t", producer, commit: commit).error == ErrorCode.none)
            #expect(try bench.end("t", producer, commit: commit).error == ErrorCode.none)
            #expect(try bench.end("t", producer, commit: !commit).error == .invalidTxnState)
        }
        #expect(bench.participants.markers.map(\.commit) == [true, false])
    }

    @Test func whoIsNotTheProducerIsRefused() throws {
        let bench = try TransactionBench()
        let former = try bench.producer("t")
        let producer = try bench.producer("t")
        let other = Producer(id: producer.id + 1, epoch: producer.epoch)
        let newer = Producer(id: producer.id, epoch: producer.epoch + 1)
        for (who, version, error) in [
            (former, 1, ErrorCode.invalidProducerEpoch), (former, 2, .producerFenced), (newer, 3, .producerFenced),
            (other, 0, .invalidProducerIDMapping), (other, 3, .invalidProducerIDMapping),
        ] as [(Producer, Int16, ErrorCode)] {
            #expect(try bench.add([.a], "t", who, version: version).errors == [error])
            #expect(try bench.addOffsets("g", "t", who, version: version).error == error)
            #expect(try bench.end("t", who, version: version).error == error)
        }
        #expect(try bench.end("nobody", producer).error == .invalidProducerIDMapping)
        #expect(try bench.add([.a], "nobody", producer).errors == [.invalidProducerIDMapping])
        #expect(try bench.end("", producer).error == .invalidRequest)
        #expect(bench.state("t") == .empty)
    }

    @Test func aNewProducerFencesTheOneWithAnOpenTransaction() throws {
        let bench = try TransactionBench()
        let former = try bench.producer("t")
        _ = try bench.add([.a], "t", former)
        let first = try bench.initialize("t")
        #expect(first.error == .concurrentTransactions)
        #expect(first.producer == Producer(id: -1, epoch: -1))
        #expect(bench.state("t") == .completeAbort)
        #expect(bench.participants.markers == [.init(partition: .a, producerID: former.id, epoch: 1, commit: false)])
        #expect(try bench.end("t", former).error == .producerFenced)
        #expect(try bench.producer("t") == Producer(id: former.id, epoch: 2))
        #expect(try bench.add([.a], "t", former).errors == [.producerFenced])
    }

    @Test func fencingTheLastEpochLeadsToANewProducerID() throws {
        let bench = try TransactionBench()
        var producer = try bench.producer("t")
        while producer.epoch < TransactionMetadata.exhaustedEpoch { producer = try bench.producer("t") }
        _ = try bench.add([.a], "t", producer)
        #expect(try bench.initialize("t").error == .concurrentTransactions)
        #expect(bench.participants.markers.last?.epoch == .max)
        #expect(try bench.initialize("t", expected: producer).error == .producerFenced)
        #expect(try bench.producer("t") == Producer(id: producer.id + 1, epoch: 0))
    }

    @Test func unknownPartitionsSpoilTheRequest() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t")
        let unknown = TopicPartition("a", 7)
        let offsets = TransactionCoordinator.offsetsPartition
        #expect(
            try bench.add([.a, unknown, .b], "t", producer).errors == [
                .operationNotAttempted, .unknownTopicOrPartition, .operationNotAttempted,
            ])
        #expect(try bench.add([offsets, .b], "t", producer).errors == [.topicAuthorizationFailed, .operationNotAttempted])
        #expect(bench.state("t") == .empty)
    }

    @Test func rightsAreAskedFor() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t")
        bench.authorizer.refused = ["write transactionalID t"]
        #expect(try bench.initialize("t").error == .transactionalIDAuthorizationFailed)
        #expect(
            try bench.add([.a, .b], "t", producer).errors == [.transactionalIDAuthorizationFailed, .transactionalIDAuthorizationFailed])
        #expect(try bench.addOffsets("g", "t", producer).error == .transactionalIDAuthorizationFailed)
        #expect(try bench.end("t", producer).error == .transactionalIDAuthorizationFailed)
        bench.authorizer.refused = ["write topic a", "read group g", "idempotentWrite cluster kafka-cluster"]
        #expect(try bench.add([.a, .b], "t", producer).errors == [.topicAuthorizationFailed, .operationNotAttempted])
        #expect(try bench.addOffsets("g", "t", producer).error == .groupAuthorizationFailed)
        #expect(try bench.initialize(nil).error == ErrorCode.none)
        bench.authorizer.refused.insert("write topic")
        #expect(try bench.initialize(nil).error == .clusterAuthorizationFailed)
    }

    @Test func moreIDsThanTheLimitAreRefused() throws {
        var settings = TransactionSettings()
        settings.maximumIDs = 2
        let bench = try TransactionBench(settings: settings)
        _ = try bench.producer("one")
        _ = try bench.producer("two")
        #expect(try bench.initialize("three").error == .policyViolation)
        #expect(try bench.producer("two").epoch == 1)
    }
}
