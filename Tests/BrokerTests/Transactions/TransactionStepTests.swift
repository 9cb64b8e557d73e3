import KafkaProtocol
import Testing

@testable import Broker

/// The order of the steps, what fails between them, and the clock.
@Suite struct TransactionStepTests {
    /// A transaction with two partitions, and a durability that waits.
    private func strict() throws -> (TransactionBench, TransactionMetadata.Producer) {
        let bench = try TransactionBench()
        let producer = try bench.producer("t")
        _ = try bench.add([.a, .b], "t", producer)
        bench.durability.isImmediate = false
        return (bench, producer)
    }

    @Test func noProducerIsAnsweredBeforeItsIDIsDurable() throws {
        let bench = try TransactionBench()
        bench.durability.isImmediate = false
        let plain = try bench.initialize(nil)
        let transactional = try bench.initialize("t")
        #expect(plain.all.isEmpty && transactional.all.isEmpty)
        #expect(try bench.initialize("t").error == .concurrentTransactions)
        bench.durability.sync()
        #expect(plain.error == ErrorCode.none)
        #expect(transactional.error == ErrorCode.none)
    }

    @Test func aPartitionIsInTheTransactionWhenThatIsDurable() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t")
        bench.durability.isImmediate = false
        let answer = try bench.add([.a], "t", producer)
        #expect(answer.all.isEmpty)
        #expect(!bench.coordinator.isOngoing("t", producerID: producer.id, epoch: 0, partition: .a))
        #expect(try bench.add([.b], "t", producer).errors == [.concurrentTransactions])
        bench.durability.sync()
        #expect(answer.errors == [.none])
        #expect(bench.coordinator.isOngoing("t", producerID: producer.id, epoch: 0, partition: .a))
    }

    @Test func theDecisionIsDurableBeforeMarkersAndMarkersBeforeTheAnswer() throws {
        let (bench, producer) = try strict()
        let answer = try bench.end("t", producer)
        #expect(bench.participants.markers.isEmpty)
        #expect(bench.coordinator.verify("t", producerID: producer.id, epoch: 0, partition: .a) == .notEnoughReplicas)
        #expect(try bench.end("t", producer).error == .concurrentTransactions)
        bench.durability.sync()
        #expect(bench.state("t") == .prepareCommit)
        #expect(bench.participants.markers.count == 2)
        #expect(answer.all.isEmpty)
        #expect(try bench.add([.a], "t", producer).errors == [.concurrentTransactions])
        #expect(try bench.initialize("t").error == .concurrentTransactions)
        #expect(bench.coordinator.verify("t", producerID: producer.id, epoch: 0, partition: .a) == .notEnoughReplicas)
        bench.durability.sync()
        #expect(answer.error == ErrorCode.none)
        #expect(bench.state("t") == .completeCommit)
    }

    @Test func aDecisionThatTheDiskLosesIsAnsweredAndCanBeMadeAgain() throws {
        let (bench, producer) = try strict()
        let answer = try bench.end("t", producer)
        bench.durability.sync(failing: .transactionState)
        #expect(answer.error == .coordinatorNotAvailable)
        #expect(bench.state("t") == .ongoing && bench.participants.markers.isEmpty)
        let again = try bench.end("t", producer)
        bench.durability.sync()
        bench.durability.sync()
        #expect(again.error == ErrorCode.none)
    }

    @Test func markersThatTheDiskLosesAreWrittenAgain() throws {
        let (bench, producer) = try strict()
        let answer = try bench.end("t", producer)
        bench.durability.sync()
        bench.durability.sync(failing: .a)
        #expect(answer.error == .concurrentTransactions)
        #expect(bench.participants.markers.count == 2)
        bench.scheduler.advance(by: 10_000)
        #expect(bench.participants.markers.count == 4)
        bench.durability.sync()
        #expect(bench.state("t") == .completeCommit)
    }

    @Test func aProducerIDThatTheDiskLosesIsNotGiven() throws {
        let bench = try TransactionBench()
        bench.durability.isImmediate = false
        let (plain, transactional) = (try bench.initialize(nil), try bench.initialize("t"))
        bench.durability.sync(failing: .transactionState)
        #expect(plain.error == .coordinatorLoadInProgress && transactional.error == .coordinatorNotAvailable)
        #expect(bench.coordinator.transactions.isEmpty)
    }

    @Test func fencingIsAnsweredWhenTheAbortIsDecided() throws {
        let (bench, producer) = try strict()
        let answer = try bench.initialize("t")
        #expect(answer.all.isEmpty)
        bench.durability.sync()
        #expect(answer.error == .concurrentTransactions)
        #expect(try bench.end("t", producer).error == .producerFenced)
        bench.durability.sync()
        bench.durability.isImmediate = true
        #expect(try bench.producer("t").epoch == 2)
    }

    @Test func aLogThatTakesNothingChangesNothing() throws {
        let bench = try TransactionBench()
        bench.log.failure = .kafkaStorageError
        #expect(try bench.initialize(nil).error == .coordinatorLoadInProgress)
        #expect(try bench.initialize("t").error == .coordinatorLoadInProgress)
        bench.log.failure = nil
        let first = try bench.producer("first")
        bench.log.failure = .kafkaStorageError
        #expect(try bench.initialize("t").error == .coordinatorNotAvailable)
        #expect(bench.coordinator.transactions["t"] == nil)
        #expect(try bench.initialize("first").error == .coordinatorNotAvailable)
        #expect(try bench.add([.a], "first", first).errors == [.coordinatorNotAvailable])
        #expect(bench.state("first") == .empty)
        bench.log.failure = nil
        _ = try bench.add([.a], "first", first)
        bench.log.failure = .kafkaStorageError
        #expect(try bench.end("first", first).error == .coordinatorNotAvailable)
        #expect(try bench.initialize("first").error == .coordinatorNotAvailable)
        #expect(bench.state("first") == .ongoing)
        #expect(bench.participants.markers.isEmpty)
        bench.log.failure = nil
        #expect(try bench.end("first", first).error == ErrorCode.none)
    }

    @Test func aMarkerThatCannotBeWrittenIsTriedAgainAndOnlyThatOne() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t")
        _ = try bench.add([.a, .b], "t", producer)
        bench.participants.failures[.a] = .kafkaStorageError
        #expect(try bench.end("t", producer).error == .concurrentTransactions)
        #expect(try bench.end("t", producer).error == .concurrentTransactions)
        #expect(bench.participants.markers.map(\.partition) == [.b])
        bench.scheduler.advance(by: 60_000)
        #expect(bench.state("t") == .prepareCommit)
        // 100 ms and twice as long each time, up to 10 s.
        #expect((9...13).contains(bench.coordinator.statistics().retries))
        #expect(bench.notices.all == [.delayed(transactionalID: "t", .kafkaStorageError)])
        bench.participants.failures = [:]
        bench.scheduler.advance(by: 10_000)
        #expect(bench.participants.markers.map(\.partition) == [.b, .a])
        #expect(try bench.end("t", producer).error == ErrorCode.none)
    }

    @Test func theLastRecordIsTriedAgainWhileTheProducerHasItsAnswer() throws {
        let (bench, producer) = try strict()
        let answer = try bench.end("t", producer)
        bench.durability.sync()
        bench.log.failure = .kafkaStorageError
        bench.durability.sync()
        #expect(answer.error == ErrorCode.none)
        #expect(bench.state("t") == .prepareCommit)
        #expect(try bench.add([.a], "t", producer).errors == [.concurrentTransactions])
        bench.log.failure = nil
        bench.scheduler.advance(by: 100)
        #expect(bench.state("t") == .completeCommit)
        #expect(bench.participants.markers.count == 2)
    }

    @Test func aDeletedTopicNeedsNoMarker() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t")
        _ = try bench.add([.a, .b], "t", producer)
        bench.participants.partitions.remove(.a)
        #expect(try bench.end("t", producer).error == ErrorCode.none)
        #expect(bench.participants.markers.map(\.partition) == [.b])
    }

    @Test func whatTakesTooLongIsAbortedAndItsProducerFenced() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t", timeout: 5_000)
        _ = try bench.add([.a], "t", producer)
        bench.scheduler.advance(by: 3_000)
        _ = try bench.add([.b], "t", producer)
        bench.scheduler.advance(by: 1_999)
        #expect(bench.state("t") == .ongoing)
        bench.scheduler.advance(by: 1)
        #expect(bench.state("t") == .completeAbort)
        #expect(bench.participants.markers.map(\.epoch) == [1, 1])
        #expect(bench.participants.markers.map(\.commit) == [false, false])
        #expect(try bench.end("t", producer).error == .producerFenced)
        #expect(try bench.add([.a], "t", producer, version: 1).errors == [.invalidProducerEpoch])
        #expect(try bench.initialize("t", expected: producer).error == .producerFenced)
        #expect(bench.coordinator.verify("t", producerID: producer.id, epoch: 0, partition: .a) == .invalidProducerEpoch)
        #expect(bench.notices.all == [.timedOut(transactionalID: "t")])
        #expect(bench.coordinator.statistics().timedOut == 1)
        #expect(try bench.producer("t").epoch == 2)
    }

    @Test func aTransactionThatEndedDoesNotTimeOutInTheNextOne() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t", timeout: 5_000)
        _ = try bench.add([.a], "t", producer)
        bench.scheduler.advance(by: 3_000)
        _ = try bench.end("t", producer)
        _ = try bench.add([.a], "t", producer)
        bench.scheduler.advance(by: 4_000)
        #expect(bench.state("t") == .ongoing)
        bench.scheduler.advance(by: 1_000)
        #expect(bench.state("t") == .completeAbort)
    }

    @Test func aTimeOutThatCannotBeWrittenIsTriedAgain() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t", timeout: 5_000)
        _ = try bench.add([.a], "t", producer)
        bench.log.failure = .kafkaStorageError
        bench.scheduler.advance(by: 8_000)
        #expect(bench.state("t") == .ongoing)
        bench.log.failure = nil
        bench.scheduler.advance(by: 10_000)
        #expect(bench.state("t") == .completeAbort)
        // The epoch was raised once, however often that was tried.
        #expect(bench.participants.markers.map(\.epoch) == [1])
    }

    @Test func aTimeOutDuringAnotherStepWaitsForIt() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t", timeout: 5_000)
        _ = try bench.add([.a], "t", producer)
        bench.durability.isImmediate = false
        let answer = try bench.end("t", producer)
        bench.scheduler.advance(by: 6_000)
        bench.durability.sync()
        bench.durability.sync()
        #expect(answer.error == ErrorCode.none)
        bench.scheduler.advance(by: 6_000)
        #expect(bench.state("t") == .completeCommit)
    }

    @Test func idleIDsAreForgotten() throws {
        let bench = try TransactionBench()
        let idle = try bench.producer("idle")
        let week: Int64 = 7 * 24 * 3_600_000
        bench.scheduler.advance(by: week - 3_600_000)
        _ = try bench.producer("used")
        bench.scheduler.advance(by: 3_600_000)
        #expect(bench.coordinator.transactions.keys.sorted() == ["used"])
        #expect(bench.coordinator.statistics().expired == 1)
        #expect(
            bench.log.entries.last
                == .record(TransactionLogRecord.transaction("idle", nil), producer: nil, offset: 3, timestamp: bench.log.clock()))
        #expect(try bench.end("idle", idle).error == .invalidProducerIDMapping)
        #expect(try bench.producer("idle").id != idle.id)
    }

    @Test func openTransactionsAreNotForgotten() throws {
        var settings = TransactionSettings()
        settings.idExpirationMs = 1_000
        settings.expirationIntervalMs = 1_000
        let bench = try TransactionBench(settings: settings)
        let producer = try bench.producer("t")
        _ = try bench.add([.a], "t", producer)
        bench.scheduler.advance(by: 10_000)
        #expect(bench.state("t") == .ongoing)
        bench.log.failure = .kafkaStorageError
        bench.scheduler.advance(by: 100_000)
        #expect(bench.state("t") == .ongoing)
        bench.log.failure = nil
        bench.scheduler.advance(by: 20_000)
        #expect(bench.state("t") == nil)
    }
}
