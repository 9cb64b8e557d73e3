import Envelopes
import Glibc
import Kafka
import LocalBroker
import Testing

@testable import mesh

@Suite struct HarmTests {
    private let wall = Timestamp(milliseconds: 1_800_000_000_000)
    private let start = ContinuousClock.now

    private func plan(_ seed: UInt64, _ targets: [String] = ["A", "B/2"], every: Int = 10, duration: Int = 60) -> HarmPlan {
        HarmPlan(
            fault: .kill, targets: targets.compactMap { Target($0) }, interval: .seconds(every), duration: .seconds(duration),
            frozen: .zero, seed: seed)
    }

    private let candidates = ["A", "A", "B", "B", "C"].enumerated().map { Instance(bot: $1, replica: $0 % 2 + 1) }

    @Test func theSameSeedHitsTheSameInTheSameOrder() {
        func hits(_ seed: UInt64) -> [Instance?] {
            var plan = plan(seed)
            return (0..<20).map { _ in plan.choose(among: candidates.shuffled()) }
        }
        #expect(hits(1) == hits(1))
        #expect(hits(1) != hits(2))
        let allowed: Set<Instance> = [Instance(bot: "A", replica: 1), Instance(bot: "A", replica: 2), Instance(bot: "B", replica: 2)]
        #expect(Set(hits(1).compactMap { $0 }) == allowed)
        var none = plan(1, ["D"])
        #expect(none.choose(among: candidates) == nil)
    }

    @Test func anIdleOneIsSaidToBeIdle() {
        var record = instanceRecord("A", 1)
        #expect(Idleness.reason(record)?.hasPrefix("it owned no partition") == true)
        record.openCalls = 1
        #expect(Idleness.reason(record) == nil)
        record = instanceRecord("A", 1, partitions: ["t[0]"])
        #expect(Idleness.reason(record)?.hasPrefix("it had nothing to do") == true)
        record.queueDepth = 3
        #expect(Idleness.reason(record) == nil)
        record.queueDepth = 0
        record.recordsPerSecond = 0.1
        #expect(Idleness.reason(record) == nil)
    }

    @Test func theSummaryCountsFaultsThatHitIdleOnes() {
        func faults(idle: Bool...) -> String? {
            var ledger = HarmLedger()
            for (number, wasIdle) in idle.enumerated() {
                ledger.harmed(
                    Instance(bot: "A", replica: number + 1), pid: 1, partitions: [], at: .now, wall: .now, isHealed: true, wasIdle: wasIdle)
            }
            let summary = HarmSummary(ledger: ledger, count: RepeatCount(), fault: .kill, isExactlyOnce: true, isInterrupted: false)
            return summary.lines.first { $0.0 == "kills" }?.1
        }
        #expect(faults(idle: false, false) == "2")
        #expect(faults(idle: true, false)?.hasPrefix("2, 1 of them of instances with nothing to do") == true)
    }

    @Test func faultsComeInTheirTime() {
        #expect(plan(1).count == 6)
        #expect(plan(1, every: 10, duration: 5).count == 1)
        #expect(plan(1, every: 4, duration: 10).count == 3)
        #expect(plan(1).time(of: 2) == .seconds(20))
    }

    // MARK: Who a process is

    private func identity(
        program: String = "/opt/mesh/meshbot", words: [String] = ["/opt/mesh/meshbot", "BuildBot", "--replica", "2"],
        environment: [String: String] = ["KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"], began: Int = 0
    ) -> ProcessIdentity {
        ProcessIdentity(program: program, words: words, environment: environment, startedAt: wall.advanced(by: .seconds(began)))
    }

    @Test func onlyTheInstanceItselfIsSignalled() {
        let record = instanceRecord("BuildBot", 2, pid: 4711, seen: wall)
        func refusal(_ identity: ProcessIdentity, _ brokers: String = "localhost:9092,127.0.0.1:9093") -> String? {
            identity.refusal(record, brokers: brokers)
        }
        #expect(refusal(identity()) == nil)
        #expect(refusal(identity(program: "/opt/mesh/meshbot (deleted)")) == nil, "a new build has taken its file")
        #expect(refusal(identity(words: ["meshbot", "BuildBot", "--replica=2", "--brokers", "127.0.0.1:9093"], environment: [:])) == nil)
        #expect(
            refusal(
                identity(words: ["meshbot", "BuildBot"], environment: ["MESH_REPLICA": "2", "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092"]))
                == nil)
        #expect(refusal(identity(program: "/usr/bin/vim"))?.contains("no meshbot") == true)
        #expect(refusal(identity(words: ["meshbot", "TestBot", "--replica", "2"]))?.contains("another bot") == true)
        #expect(refusal(identity(words: ["meshbot", "BuildBot", "--replica", "1"]))?.contains("another bot") == true)
        #expect(refusal(identity(), "kafka.example.org:9092")?.contains("not to this one") == true)
        #expect(refusal(identity(environment: [:]))?.contains("not to this one") == true)
        #expect(refusal(identity(began: 60))?.contains("began at") == true, "the number was given to a later process")
        #expect(refusal(identity(began: -600))?.contains("began at") == true)
    }

    @Test func theKernelTellsWhoThisProcessIs() throws {
        let own = try #require(ProcessIdentity.of(getpid()))
        #expect(!own.words.isEmpty)
        #expect(own.startedAt <= Timestamp.now.advanced(by: .seconds(2)))
        #expect(Timestamp.now.duration(since: own.startedAt) < .seconds(7_200))
        #expect(ProcessIdentity.of(0) == nil && ProcessIdentity.of(-1) == nil && ProcessIdentity.of(.max) == nil)
        #expect(!ProcessIdentity.hostName.isEmpty)
    }

    @Test func aFrozenOneIsLetGoHoweverSoonTheFreezerEnds() async throws {
        try await DedicatedThread.run(name: "freeze") {
            let sleeper = try ChildProcess.spawn(.init(program: "/bin/sleep", arguments: ["600"], environment: [:]))
            defer { sleeper.signal(.kill) }
            for endsAtOnce in [true, false] {
                let guardian = try FreezeGuard(sleeper.pid)
                #expect(ProcessIdentity.isStopped(sleeper.pid))
                // What the kernel sends the shell when this process ends.
                if endsAtOnce { guardian.shell.signal(.terminate) } else { guardian.thaw() }
                let deadline = ContinuousClock.now.advanced(by: .seconds(60))
                while ProcessIdentity.isStopped(sleeper.pid), ContinuousClock.now < deadline { usleep(2_000) }
                #expect(!ProcessIdentity.isStopped(sleeper.pid))
            }
            #expect(throws: CommandFailure.self) { try FreezeGuard(.max) }
        }
    }

    // MARK: What the mesh did

    private func status(
        _ replica: Int, pid: Int32, _ partitions: [String], at seconds: Int, _ state: InstanceRecord.State = .running, repeated: Int? = nil
    ) -> InstanceStatus {
        let seen = wall.advanced(by: .seconds(seconds))
        var record = instanceRecord("A", replica, state: state, partitions: partitions, pid: pid, seen: seen)
        record.repeated = repeated
        return InstanceStatus(record: record, standing: Standing(record, wish: .running, now: seen), age: .zero)
    }

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }
    private let one = Instance(bot: "A", replica: 1)

    @Test func aKilledOneIsBackWhenItsSlotWorksAndItsPartitionsHaveOwners() {
        var ledger = HarmLedger()
        ledger.look([status(1, pid: 10, ["t[0]"], at: 0), status(2, pid: 20, ["t[1]"], at: 0)], at: at(0))
        ledger.harmed(one, pid: 10, partitions: ["t[0]"], at: at(1), wall: wall.advanced(by: .seconds(1)), isHealed: true)
        // What the dead one said last, and then a new one to which nothing was given yet.
        ledger.look([status(1, pid: 10, ["t[0]"], at: 0), status(2, pid: 20, ["t[1]"], at: 2)], at: at(2))
        ledger.look([status(1, pid: 11, [], at: 3), status(2, pid: 20, ["t[1]"], at: 3)], at: at(3))
        #expect(ledger.restarts == 1 && ledger.missing == [one])
        ledger.look([status(1, pid: 11, [], at: 7), status(2, pid: 20, ["t[0]", "t[1]"], at: 7)], at: at(7))
        #expect(ledger.missing == [one], "one good report is not two")
        ledger.look([status(1, pid: 11, [], at: 12), status(2, pid: 20, ["t[0]", "t[1]"], at: 12)], at: at(12))
        #expect(ledger.missing.isEmpty)
        #expect(ledger.harms[0].timeToReturn == .seconds(6))
        #expect(ledger.movedPartitions == 1)
    }

    @Test func whatAThawedOneSaysBeforeItHasNoticedCountsNotAsAMove() {
        var ledger = HarmLedger()
        ledger.look([status(1, pid: 10, ["t[0]"], at: 0), status(2, pid: 20, [], at: 0)], at: at(0))
        ledger.harmed(one, pid: 10, partitions: ["t[0]"], at: at(1), wall: wall, isHealed: false)
        for second in 2...9 {
            ledger.look([status(1, pid: 10, ["t[0]"], at: 0), status(2, pid: 20, second > 6 ? ["t[0]"] : [], at: second)], at: at(second))
        }
        #expect(ledger.movedPartitions == 1)
        ledger.healed(one, at: at(10), wall: wall.advanced(by: .seconds(10)))
        ledger.look([status(1, pid: 10, ["t[0]"], at: 11), status(2, pid: 20, ["t[0]"], at: 9)], at: at(11))
        ledger.look([status(1, pid: 10, [], at: 12), status(2, pid: 20, ["t[0]"], at: 12)], at: at(12))
        #expect(ledger.movedPartitions == 1 && ledger.restarts == 0)
        ledger.look([status(1, pid: 10, [], at: 17), status(2, pid: 20, ["t[0]"], at: 17)], at: at(17))
        #expect(ledger.missing.isEmpty)
    }

    @Test func lagIsLevelWhenItIsAsLowAsBeforeForGood() {
        var ledger = HarmLedger()
        ledger.lag(50, at: at(0))
        ledger.harmed(one, pid: 10, partitions: [], at: at(1), wall: wall, isHealed: true)
        ledger.lag(60, at: at(2))
        ledger.lag(nil, at: at(3))
        ledger.lag(900, at: at(4))
        #expect(ledger.timeToDrain == nil && !ledger.isCalm)
        ledger.lag(nil, at: at(5))
        #expect(ledger.timeToDrain == nil, "not known is not level")
        ledger.lag(140, at: at(6))
        ledger.lag(30, at: at(7))
        #expect(ledger.timeToDrain == .seconds(5))
        #expect(ledger.lagPeak == 900 && ledger.lagBefore == 50)
    }

    @Test func recordsSeenAgainAreCountedFromTheBeginningOfTheRun() {
        var ledger = HarmLedger()
        ledger.look([status(1, pid: 10, [], at: 0, repeated: 7), status(2, pid: 20, [], at: 0)], at: at(0))
        ledger.look([status(1, pid: 10, [], at: 1, repeated: 9), status(2, pid: 21, [], at: 1, repeated: 4)], at: at(1))
        ledger.look([status(1, pid: 11, [], at: 2, repeated: 1), status(2, pid: 21, [], at: 2, repeated: 5)], at: at(2))
        #expect(ledger.repeatedInputs == 2 + 5 + 1)
        #expect(ledger.restarts == 2)
    }

    @Test func thePastOfAPartitionThatHadNoLeaderIsNotTakenForThisRun() {
        let (known, leaderless, new) = (TopicPartition("t", 0), TopicPartition("t", 1), TopicPartition("t", 2))
        let start = RepeatCount.Marks(partitions: [known, leaderless], ends: [known: 5])
        let end = RepeatCount.Marks(partitions: [known, leaderless, new], ends: [known: 8, leaderless: 900, new: 2])
        let (ranges, isWhole) = RepeatCount.Marks.between(start, end)
        #expect(ranges == [known: 5..<8, new: 0..<2])
        #expect(!isWhole)
        let later = RepeatCount.Marks(partitions: [known], ends: [known: 5])
        #expect(RepeatCount.Marks.between(later, later).ranges.isEmpty && RepeatCount.Marks.between(later, later).isWhole)
        #expect(!RepeatCount.Marks.between(later, RepeatCount.Marks(partitions: [known], ends: [:])).isWhole, "without a leader at the end")
        let made = RepeatCount.Marks.between(later, RepeatCount.Marks(partitions: [known], ends: [known: 3]))
        #expect(made.ranges.isEmpty, "the topic was made anew")
    }

    @Test func whatIsNotAliveExcusesNoRepeats() {
        func looked(_ statuses: InstanceStatus...) -> HarmSummary {
            var ledger = HarmLedger()
            ledger.look(statuses, at: at(0))
            return HarmSummary(
                ledger: ledger, count: RepeatCount(), fault: .kill, isExactlyOnce: ledger.isExactlyOnce, isInterrupted: false)
        }
        func atLeastOnce(_ state: InstanceRecord.State, silentFor seconds: Int) -> InstanceStatus {
            var record = instanceRecord("A", 2, state: state, seen: wall)
            record.delivery = "at-least-once"
            let now = wall.advanced(by: .seconds(seconds))
            return InstanceStatus(record: record, standing: Standing(record, wish: .running, now: now), age: .seconds(seconds))
        }
        let running = status(1, pid: 10, [], at: 0)
        #expect(looked(running).isExactlyOnce)
        #expect(looked(running, atLeastOnce(.stopped, silentFor: 0)).isExactlyOnce)
        #expect(looked(running, atLeastOnce(.running, silentFor: 86_400)).isExactlyOnce, "killed yesterday")
        let excused = looked(running, atLeastOnce(.running, silentFor: 1))
        #expect(!excused.isExactlyOnce)
        #expect(excused.lines.contains { $0.1.contains("which not all of these bots rule out") })
        #expect(!HarmLedger().isExactlyOnce, "nobody has promised anything")
    }

    @Test func aSlotThatIsHitAgainIsJudgedByItsLastFault() {
        var ledger = HarmLedger()
        ledger.harmed(one, pid: 10, partitions: [], at: at(0), wall: wall, isHealed: true)
        ledger.harmed(one, pid: 11, partitions: [], at: at(2), wall: wall.advanced(by: .seconds(2)), isHealed: true)
        #expect(ledger.missing == [one])
        ledger.look([status(1, pid: 12, [], at: 3)], at: at(3))
        ledger.look([status(1, pid: 12, [], at: 4)], at: at(4))
        #expect(ledger.missing.isEmpty)
        #expect(ledger.harms[0].back == nil && ledger.harms[1].timeToReturn == .seconds(1))
    }
}
