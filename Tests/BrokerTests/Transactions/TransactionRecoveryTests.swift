import KafkaProtocol
import Testing

@testable import Broker

/// A start after a crash at any point.
@Suite struct TransactionRecoveryTests {
    private typealias Producer = TransactionMetadata.Producer

    private func log(_ entries: some Sequence<StateEntry>) throws -> MemoryStateLog {
        let log = MemoryStateLog()
        for case .record(let record, _, _, _) in entries { try log.append([record]) }
        return log
    }

    @Test(arguments: [true, false])
    func aDecisionIsCarriedOut(commit: Bool) throws {
        let before = try TransactionBench()
        let producer = try before.producer("t")
        _ = try before.add([.a, .b], "t", producer)
        before.participants.failures[.b] = .kafkaStorageError
        #expect(try before.end("t", producer, commit: commit).error == .concurrentTransactions)
        let bench = try TransactionBench(log: before.log)
        #expect(bench.notices.all == [.recovered(ongoing: 0, prepared: 1)])
        #expect(try bench.end("t", producer, commit: commit).error == .concurrentTransactions)
        #expect(bench.participants.markers.isEmpty)
        bench.scheduler.advance(by: 0)
        #expect(bench.participants.markers.map(\.partition) == [.a, .b])
        #expect(bench.participants.markers.allSatisfy { $0.commit == commit && $0.epoch == producer.epoch })
        #expect(try bench.end("t", producer, commit: commit).error == ErrorCode.none)
    }

    @Test func anOpenTransactionGoesOnForTheRestOfItsTime() throws {
        let before = try TransactionBench()
        let producer = try before.producer("t", timeout: 10_000)
        _ = try before.add([.a], "t", producer)
        let bench = try TransactionBench(log: before.log, at: 7_000)
        #expect(bench.coordinator.isOngoing("t", producerID: producer.id, epoch: 0, partition: .a))
        #expect(try bench.add([.b], "t", producer).errors == [.none])
        bench.scheduler.advance(by: 3_999)
        #expect(bench.state("t") == .ongoing)
        bench.scheduler.advance(by: 1)
        #expect(bench.state("t") == .completeAbort)
        #expect(bench.participants.markers.map(\.epoch) == [1, 1])
    }

    @Test(arguments: [500, 1_000_000] as [Int64])
    func aClockThatWasSetDoesNotMatter(time: Int64) throws {
        let before = try TransactionBench(at: 800_000)
        let producer = try before.producer("t", timeout: 10_000)
        _ = try before.add([.a], "t", producer)
        let bench = try TransactionBench(log: before.log, at: max(1_000, time))
        bench.scheduler.advance(by: 10_000)
        #expect(bench.state("t") == .completeAbort)
    }

    @Test func producerIDsAreNeverGivenTwice() throws {
        var given: Set<Int64> = []
        var log = MemoryStateLog()
        for _ in 0..<20 {
            let bench = try TransactionBench(log: log)
            for _ in 0..<150 {
                let plain = try #require(try bench.initialize(nil).producer)
                let transactional = try bench.producer("t\(given.count)")
                #expect(given.insert(plain.id).inserted && given.insert(transactional.id).inserted)
            }
            log = try self.log(bench.log.entries)
        }
    }

    @Test func producerIDsThatPartitionsKnowAreNotGiven() throws {
        let bench = try TransactionBench(load: false)
        try bench.coordinator.load(largestProducerID: 41)
        #expect(try bench.producer("t").id > 41)
    }

    @Test func aRetriedInitializationIsKnownAfterACrash() throws {
        let before = try TransactionBench()
        let first = try before.producer("t")
        let second = try before.initialize("t", expected: first).producer
        let bench = try TransactionBench(log: before.log)
        #expect(try bench.initialize("t", expected: first).producer == second)
    }

    @Test func aRecordThatCannotBeReadStopsTheStart() throws {
        let log = MemoryStateLog()
        try log.append([StateRecord(key: [0, 0, 0, 1, 0x74], value: [0, 7])])
        let bench = try TransactionBench(log: log, load: false)
        #expect(throws: ErrorCode.corruptMessage) { try bench.coordinator.load() }
        let reported = bench.notices.all.contains { if case .unreadable(offset: 0, _) = $0 { true } else { false } }
        #expect(reported)
    }

    @Test func whatNoTransactionKnowsIsAborted() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t")
        _ = try bench.add([.a], "t", producer)
        bench.participants.failures[.b] = .kafkaStorageError
        bench.coordinator.abortOrphans([
            .init(partition: .a, producer: producer, firstOffset: 0), .init(partition: .b, producer: producer, firstOffset: 0),
            .init(partition: .a, producer: Producer(id: 99, epoch: 5), firstOffset: 7),
            .init(partition: TopicPartition("gone", 0), producer: producer, firstOffset: 0),
        ])
        #expect(bench.participants.markers == [.init(partition: .a, producerID: 99, epoch: 5, commit: false)])
        bench.participants.failures = [:]
        bench.scheduler.advance(by: 100)
        #expect(bench.participants.markers.last == .init(partition: .b, producerID: producer.id, epoch: 0, commit: false))
        #expect(bench.state("t") == .ongoing)
    }

    /// A power cut took what the log had of the second transaction, and left its beginning in a partition.
    @Test(arguments: [5, 4, 6] as [Int64])
    func aLaterTransactionDoesNotEndWithAnEarlierOne(firstOffset: Int64) throws {
        let before = try TransactionBench()
        let producer = try before.producer("t")
        _ = try before.add([.a, .b], "t", producer)
        before.participants.endOffsets = [.a: 5, .b: 9]
        before.participants.failures[.b] = .kafkaStorageError
        _ = try before.end("t", producer)
        let bench = try TransactionBench(log: before.log)
        bench.coordinator.abortOrphans([.init(partition: .a, producer: producer, firstOffset: firstOffset)])
        bench.scheduler.advance(by: 0)
        let isLater = firstOffset >= 5
        #expect(bench.participants.markers.filter { $0.partition == .a }.map(\.commit) == (isLater ? [false, true] : [true]))
        #expect(bench.participants.markers.filter { $0.partition == .b }.map(\.commit) == [true])
        #expect(bench.state("t") == .completeCommit)
    }

    /// The same where the second one has a later epoch, which the log has lost too.
    @Test(arguments: [true, false])
    func aLaterEpochDoesNotEndWithAnEarlierOne(decided: Bool) throws {
        let before = try TransactionBench()
        let producer = try before.producer("t", timeout: 10_000)
        _ = try before.add([.a], "t", producer)
        if decided {
            before.participants.failures[.a] = .kafkaStorageError
            _ = try before.end("t", producer)
        }
        let bench = try TransactionBench(log: before.log)
        bench.participants.failures[.a] = .kafkaStorageError
        let later = Producer(id: producer.id, epoch: producer.epoch + 2)
        bench.coordinator.abortOrphans([.init(partition: .a, producer: later, firstOffset: 0)])
        bench.participants.failures[.a] = nil
        // The earlier one's marker waits until the later one is ended.
        bench.scheduler.advance(by: 0)
        #expect(bench.participants.markers.isEmpty)
        bench.scheduler.advance(by: 100)
        #expect(bench.participants.markers.first == .init(partition: .a, producerID: later.id, epoch: later.epoch, commit: false))
        bench.participants.failures[.a] = .invalidProducerEpoch
        bench.scheduler.advance(by: 20_000)
        #expect(bench.state("t") == (decided ? .completeCommit : .completeAbort))
    }

    /// What comes after an orphan would end with it.
    @Test func nothingIsAddedToAnOrphan() throws {
        let bench = try TransactionBench()
        let producer = try bench.producer("t")
        bench.participants.failures[.a] = .kafkaStorageError
        bench.coordinator.abortOrphans([.init(partition: .a, producer: producer, firstOffset: 0)])
        #expect(try bench.add([.a, .b], "t", producer).errors == [.concurrentTransactions, .concurrentTransactions])
        #expect(try bench.add([.b], "t", producer).errors == [.none])
        bench.participants.failures[.a] = nil
        bench.scheduler.advance(by: 100)
        #expect(try bench.add([.a], "t", producer).errors == [.none])
    }

    /// In the default mode too, what a start has completed is in the log before another transaction begins, and a raised epoch before it is in a partition.
    @Test func whatMustNotBeTakenBackWaitsForTheDisk() throws {
        let before = try TransactionBench()
        let producer = try before.producer("t", timeout: 10_000)
        _ = try before.add([.a], "t", producer)
        before.participants.failures[.a] = .kafkaStorageError
        _ = try before.end("t", producer)
        let bench = try TransactionBench(log: before.log)
        bench.durability.syncsAtOnce = false
        bench.scheduler.advance(by: 0)
        #expect(bench.participants.markers.count == 1)
        #expect(try bench.add([.a], "t", producer).errors == [.concurrentTransactions])
        bench.durability.sync()
        #expect(bench.state("t") == .completeCommit)
        #expect(try bench.add([.a], "t", producer).errors == [.none])

        bench.scheduler.advance(by: 10_000)
        #expect(bench.participants.markers.count == 1, "the epoch that fences is not in the log for good")
        bench.durability.sync()
        #expect(bench.participants.markers.last == .init(partition: .a, producerID: producer.id, epoch: producer.epoch + 1, commit: false))
    }

    /// Two transactions, the broker dead after each single write to the log or to a partition.
    @Test func aCrashAfterAnyWrite() throws {
        let (writes, producer) = try writesOfTwoTransactions()
        #expect(writes.count == 14)
        for count in 0...writes.count {
            let (kept, lost) = (writes.prefix(count), writes.dropFirst(count))
            let participants = MemoryParticipants()
            participants.markers = kept.compactMap { if case .marker(let marker) = $0 { marker } else { nil } }
            let bench = try TransactionBench(
                log: log(kept.compactMap { if case .entry(let entry) = $0 { entry } else { nil } }), participants: participants)
            bench.scheduler.advance(by: 100_000)
            #expect(bench.coordinator.transactions.values.allSatisfy { $0.metadata.state.isIdle && $0.pending == nil })
            // The first transaction is committed in both partitions as soon as the log has the decision; before, it is aborted in what it had.
            let decided = writes.prefix(count).contains { $0.isDecision(.prepareCommit) }
            let first = participants.markers.filter { $0.epoch == producer.epoch && $0.commit }
            #expect(Set(first.map(\.partition)) == (decided ? [.a, .b] : []), "\(lost.first.debugDescription)")
            #expect(participants.markers.allSatisfy { !$0.commit || $0.epoch == producer.epoch })
        }
    }

    private enum Write: CustomStringConvertible {
        case entry(StateEntry)
        case marker(MemoryParticipants.Marker)

        var description: String {
            switch self {
            case .entry(.record(let record, _, _, _)): "record \((try? TransactionLogRecord.read(record)).debugDescription)"
            case .entry: "marker in the log"
            case .marker(let marker): "\(marker)"
            }
        }

        func isDecision(_ state: TransactionState) -> Bool {
            guard case .entry(.record(let record, _, _, _)) = self,
                case .transaction(_, let metadata) = try? TransactionLogRecord.read(record)
            else {
                return false
            }
            return metadata?.state == state
        }
    }

    /// One is committed, one aborted, in the order in which all of it is written.
    private func writesOfTwoTransactions() throws -> ([Write], Producer) {
        let bench = try TransactionBench()
        var writes: [Write] = []
        var (entries, markers) = (0, 0)
        func note() {
            writes += bench.log.entries.dropFirst(entries).map { .entry($0) }
            writes += bench.participants.markers.dropFirst(markers).map { .marker($0) }
            (entries, markers) = (bench.log.entries.count, bench.participants.markers.count)
        }
        let producer = try bench.producer("t", timeout: 50_000)
        note()
        bench.durability.isImmediate = false
        for commit in [true, false] {
            _ = try bench.add([.a], "t", producer)
            note()
            bench.durability.sync()
            _ = try bench.add([.b], "t", producer)
            note()
            bench.durability.sync()
            _ = try bench.end("t", producer, commit: commit)
            for _ in 0..<3 {
                note()
                bench.durability.sync()
            }
            note()
        }
        return (writes, producer)
    }
}
