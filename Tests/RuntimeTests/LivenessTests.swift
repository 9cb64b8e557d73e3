import BotKit
import Envelopes
import Kafka
import Synchronization
import Testing

@testable import MeshRuntime

/// What stands still is told by name, what only waits is not, and what moves again is taken back.
@Suite struct LivenessTests {
    private let partition = TopicPartition("build.completed", 3)

    private func look(_ committed: Int64?, _ explanation: String? = nil, lag: Int64? = 5) -> Liveness.Look {
        .init(partition: partition, committed: committed, lag: lag, explanation: explanation)
    }

    @Test func aPartitionThatStandsStillIsReportedAndTakenBack() {
        var liveness = Liveness()
        let nothing = Liveness.Change(began: [], ended: [])
        func see(_ look: Liveness.Look?, at uptime: Int64) -> Liveness.Change {
            liveness.look(look.map { [$0] } ?? [], limit: 100, at: uptime)
        }
        var changes = [see(look(1), at: 0), see(look(1), at: 99)]
        #expect(changes == [nothing, nothing])
        changes = [see(look(1), at: 100), see(look(1), at: 150)]
        #expect(changes == [.init(began: [partition], ended: []), nothing], "told once")
        #expect(liveness.stalled == [partition])
        changes = [see(look(2), at: 151)]
        #expect(changes == [.init(began: [], ended: [partition])], "it moved")
        #expect(liveness.stalled.isEmpty)
        changes = [see(look(2, "calls are under way"), at: 300), see(look(2), at: 350), see(look(2, lag: 0), at: 500)]
        #expect(changes.allSatisfy { $0 == nothing })
        changes = [see(look(2, lag: nil), at: 550), see(look(2), at: 590)]
        #expect(changes.allSatisfy { $0 == nothing })
        changes = [see(look(2, lag: nil), at: 600), see(nil, at: 601)]
        #expect(
            changes == [.init(began: [partition], ended: []), .init(began: [], ended: [partition])],
            "a lag that nobody knows excuses nothing")
    }

    @Test func aPartitionThatWasNeverCommittedCanStandStillToo() {
        var liveness = Liveness()
        _ = liveness.look([look(nil)], limit: 100, at: 0)
        _ = liveness.look([look(nil)], limit: 100, at: 100)
        #expect(liveness.stalled == [partition])
    }

    @Test func lagIsCountedFromWhatTheBrokerHasConfirmed() {
        let marks = Watermarks(low: 10, high: 50)
        var book = PartitionBook()
        book.began(partition, committed: nil)
        var ledger = OffsetLedger()
        #expect(book[partition].lag(marks, ledger) == 40)
        #expect(book[partition].lag(nil, ledger) == nil)
        book.asks(1, [partition: CommittedOffset(offset: 30)])
        book.asks(2, [partition: CommittedOffset(offset: 40)])
        book.answered(1, isCommitted: true)
        #expect(book[partition].lag(marks, ledger) == 20, "the second is not confirmed")
        book.answered(2, isCommitted: false)
        #expect(book[partition].committed == 30)
        expect(ledger.begin(48))
        // The last offset is the marker of a transaction.
        book.reachedEnd(of: partition, at: 50)
        #expect(book[partition].lag(marks, ledger) == 20, "a record is not finished")
        ledger.finish(48)
        #expect(book[partition].lag(marks, ledger) == 20, "it is not committed")
        book.committed([partition: CommittedOffset(offset: 49)])
        #expect(book[partition].lag(marks, ledger) == 0)
        #expect(book[partition].lag(Watermarks(low: 10, high: 60), ledger) == 11, "more has come")
        book.gave(up: [partition])
        book.committed([partition: CommittedOffset(offset: 60)])
        #expect(book[partition].committed == nil, "what is not owned is not kept")
    }

    /// Goes the way of the process's report: a look each second.
    private func watch(_ machine: Machine, seconds: Int, _ liveness: inout Liveness, _ turn: () -> Void) -> [TopicPartition] {
        var seen: Set<TopicPartition> = []
        for _ in 0..<seconds {
            turn()
            machine.pass(1_000)
            let reasons = machine.engine.explanations(at: machine.moment)
            let looks = machine.engine.partitions.values.map { partition in
                let topicPartition = partition.topicPartition
                let committed = machine.log.committed[topicPartition]?.offset
                let end = machine.log.end(of: topicPartition)
                let entry = PartitionBook.Entry(committed: committed, end: partition.ledger.watermark)
                let lag = entry.lag(Watermarks(low: 0, high: end), partition.ledger)
                return Liveness.Look(
                    partition: topicPartition, committed: committed, lag: lag, explanation: reasons[topicPartition])
            }
            _ = liveness.look(looks, limit: machine.settings.limits.stall, at: machine.uptime)
            seen.formUnion(liveness.stalled)
        }
        return seen.sorted()
    }

    @Test func whatCannotBeSettledStandsStillUntilItCan() throws {
        let machine = try Machine(WorkBot.self, partitions: 2)
        var liveness = Liveness()
        machine.runDry()
        try machine.send(Work(name: "a", number: 1, how: "poison"))
        let refused = KafkaError(code: 29, name: "TOPIC_AUTHORIZATION_FAILED", message: "mesh.dlq refuses")
        let stalled = watch(machine, seconds: 30, &liveness) {
            machine.deliver()
            machine.advance()
            machine.settle(.refused(refused, item: 0))
        }
        #expect(stalled.map(\.topic) == [Work.type.name])
        #expect(liveness.stalled == stalled)
        _ = watch(machine, seconds: 10, &liveness) {
            machine.deliver()
            machine.advance()
            machine.settle()
        }
        #expect(liveness.stalled.isEmpty, "within ten seconds after the fault has gone")
        #expect(machine.dead.count == 1)
    }

    @Test func whatWaitsForAReasonDoesNotStandStill() throws {
        let machine = try Machine(WorkBot.self, partitions: 2)
        var liveness = Liveness()
        for number in 0..<12 { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
        // Four calls take all places, for minutes.
        let stalled = watch(machine, seconds: 50, &liveness) {
            machine.step()
        }
        #expect(machine.calls.count == 4)
        #expect(stalled.isEmpty, "\(stalled)")
        machine.engine.setPaused(true)
        #expect(watch(machine, seconds: 30, &liveness) { machine.finishCall() }.isEmpty)
        machine.engine.setPaused(false)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 12)
    }

    /// The transaction's coordinator never answers: no call of theirs has begun.
    @Test func runsWhoseFirstStepIsNeverSettledExplainNothing() throws {
        let machine = try Machine(WorkBot.self, partitions: 2)
        var liveness = Liveness()
        for number in 0..<12 { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
        let stalled = watch(machine, seconds: 30, &liveness) {
            machine.restore()
            machine.deliver()
            machine.advance()
        }
        #expect(machine.started.isEmpty && machine.settling != nil)
        #expect(Set(stalled.map(\.topic)) == [Work.type.name])
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 12)
    }

    /// Those of before are under way outside, and need no settlement meanwhile.
    @Test func callsThatRunExplainAStandstillAlsoWhileNothingCanBeSettled() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        var liveness = Liveness()
        _ = try runningCall(machine, Work(name: "a", number: 1, how: "calls"))
        // The first comes back: what the bot was told of it is to be noted. The second runs.
        machine.finishCall(machine.calls.keys.min { $0.call < $1.call })
        let stalled = watch(machine, seconds: 30, &liveness) {
            machine.advance()
            machine.settle(.failed(KafkaError(code: -1, name: "_TEST", message: "a test", isRetriable: true)))
        }
        #expect(machine.engine.trouble != nil && machine.calls.count == 1)
        #expect(stalled.isEmpty)
    }

    @Test func aCommitThatIsRefusedAgainAndAgainIsToldOnceInAWhileAndExplainsNothing() throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: .atLeastOnce)
        machine.holdsCommits = true
        machine.runDry()
        var liveness = Liveness()
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        let refused = KafkaError(code: 30, name: "GROUP_AUTHORIZATION_FAILED", message: "not allowed")
        let stalled = watch(machine, seconds: 40, &liveness) {
            machine.deliver()
            machine.advance()
            machine.settle()
            machine.answerCommit(refused)
        }
        #expect(stalled == [TopicPartition(Work.type.name, 0)])
        let told = machine.entries.filter { $0.message.contains("a commit was refused") }
        #expect(told.map(\.level) == [.warn, .error])
    }

    /// A reminder of next month lies in the same partition.
    @Test func aReminderExplainsOnlyTheStandstillThatItMakes() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        machine.runDry()
        let retries = TopicPartition(machine.settings.topics.retry, 0)
        try machine.sendRetry(Work(name: "a", number: 1, how: "call"), id: "a", key: "a", origin: 1)
        try machine.sendRetry(Work(name: "b", number: 2, how: "plain"), id: "b", key: "b", origin: 2, after: 10_000)
        for _ in 0..<4 { machine.deliver() }
        machine.advance()
        // The first waits for a settlement that is never answered, the second for its time.
        machine.pass(6_000)
        let partition = try #require(machine.engine.partitions[retries])
        #expect(partition.waiting == 1 && !machine.engine.waitsForTime(partition))
        #expect(machine.engine.explanations(at: machine.moment)[retries] == nil)
        machine.settle()
        machine.finishCall()
        machine.advance()
        machine.settle()
        #expect(machine.engine.waitsForTime(partition))
        #expect(machine.engine.explanations(at: machine.moment)[retries] == "records wait for their time")
    }

    @Test func aPartitionThatBringsNothingIsReportedAlthoughOthersWork() throws {
        let machine = try Machine(WorkBot.self, partitions: 2)
        var liveness = Liveness()
        for number in 0..<12 { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
        machine.restoreAll()
        machine.advance()
        // The consumer brings records of the other partition only: the fault that nobody notices.
        let silent = TopicPartition(Work.type.name, 0)
        let stalled = watch(machine, seconds: 20, &liveness) {
            machine.deliver(except: silent)
            machine.advance()
            machine.settle()
            machine.finishCall()
        }
        #expect(stalled == [silent])
    }

    /// One that goes on is waited for however long it takes; one that begins again and again is told of, and of what remains.
    @Test func aRestorationExplainsOnlyWhileItGoesOn() throws {
        let clock = ManualUptime()
        let progress = RestoreProgress { clock.now.load(ordering: .relaxed) }
        let machine = try Machine(WorkBot.self, partitions: 1)
        let state = TopicPartition(machine.settings.topics.state, 0)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        var liveness = Liveness()
        func seconds(_ count: Int, _ turn: (Int) -> Void) -> [TopicPartition] {
            var seen: Set<TopicPartition> = []
            for second in 0..<count {
                turn(second)
                clock.now.add(1_000, ordering: .relaxed)
                let reasons = machine.engine.explanations(isRestoring: progress.isMoving, at: machine.moment)
                let looks = machine.engine.partitions.keys.filter { $0.topic == Work.type.name }.map { partition in
                    Liveness.Look(partition: partition, committed: nil, lag: 1, explanation: reasons[partition])
                }
                _ = liveness.look(looks, limit: machine.settings.limits.stall, at: clock.now.load(ordering: .relaxed))
                seen.formUnion(liveness.stalled)
            }
            return seen.sorted()
        }
        progress.asked()
        progress.begin([(state, 0, 1_000)])
        #expect(seconds(200) { progress.reached(state, Int64($0)) }.isEmpty, "slow, but it goes on")
        let again = seconds(60) { second in
            // Each attempt comes as far as the one before, and fails.
            if second % 20 == 0 { progress.begin([(state, 0, 1_000)]) }
            progress.reached(state, Int64(second % 20) * 10)
        }
        #expect(again.map(\.topic) == [Work.type.name])
        #expect(progress.rest == 809, "of what could not be read it is told how much remains")
        progress.asked()
        #expect(seconds(1) { _ in }.isEmpty, "another one was asked for")
        progress.begin([(state, 0, 1_000)])
        progress.end([state])
        #expect(progress.rest == 0)
    }

    private final class ManualUptime: Sendable { let now = Atomic<Int64>(0) }

    @Test func whatNoFetchTellsOfIsLagToo() {
        var book = PartitionBook()
        book.began(partition, committed: 50)
        book.reachedEnd(of: partition, at: 50)
        let ledger = OffsetLedger(committed: 50)
        #expect(book[partition].lag(Watermarks(low: 0, high: 50), ledger) == 0)
        book.heard([partition: 53, TopicPartition("other", 0): 9])
        #expect(book[partition].lag(Watermarks(low: 0, high: 50), ledger) == 3)
        #expect(book[TopicPartition("other", 0)] == PartitionBook.Entry())
    }

    /// Where the last record is a marker, and the end is told before the restoration is over.
    @Test func anEndThatIsToldBeforeTheRestorationCounts() {
        let (marks, ledger) = (Watermarks(low: 0, high: 50), OffsetLedger(committed: 49))
        var book = PartitionBook()
        book.reachedEnd(of: partition, at: 50)
        #expect(book[partition].lag(marks, OffsetLedger()) == 50, "nothing is handled before it is restored, however long that takes")
        book.began(partition, committed: 49)
        #expect(book[partition].lag(marks, ledger) == 0)
        book.began(partition, committed: 49, isPutElsewhere: true)
        #expect(book[partition].lag(marks, ledger) == 1)
    }

    @Test func anOpenTransactionOfAProducerExplainsAStandstill() {
        var book = PartitionBook()
        book.began(partition, committed: 40)
        book.reachedEnd(of: partition, at: 50)
        book.heard([partition: 50])
        let marks = Watermarks(low: 0, high: 60)
        var ledger = OffsetLedger(committed: 40)
        #expect(book[partition].waitsForTransactions(marks, ledger))
        expect(ledger.begin(41))
        #expect(!book[partition].waitsForTransactions(marks, ledger), "a record is open")
        ledger.finish(41)
        #expect(!book[partition].waitsForTransactions(marks, ledger), "its commit is missing")
        book.committed([partition: CommittedOffset(offset: 42)])
        #expect(book[partition].waitsForTransactions(marks, ledger))
        book.heard([partition: 55])
        #expect(!book[partition].waitsForTransactions(marks, ledger), "there is more to read")
    }
}
