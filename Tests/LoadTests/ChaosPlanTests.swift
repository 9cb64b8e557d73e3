import Glibc
import MeshRuntime
import Testing

@testable import meshload

/// Plans: the same seed gives the same, and every fault is healed.
@Suite struct ChaosPlanTests {
    private func plan(_ scenario: Scenario, seed: UInt64, seconds: Int = 30) -> ChaosPlan {
        ChaosPlanner.plan(scenario, .exactlyOnce, seed: seed, seconds: seconds)
    }

    @Test(arguments: Scenario.allCases) func aSeedGivesTheSamePlanAgainAndAnotherOneAnother(scenario: Scenario) {
        #expect(plan(scenario, seed: 7).lines == plan(scenario, seed: 7).lines)
        #expect(Set((1...20).map { plan(scenario, seed: $0).lines.dropFirst().joined() }).count > 10)
    }

    @Test(arguments: Scenario.allCases) func everyFaultIsHealedInTheEnd(scenario: Scenario) {
        for seed in UInt64(1)...200 {
            let plan = plan(scenario, seed: seed, seconds: Int(3 + seed % 60))
            #expect(!plan.steps.isEmpty)
            #expect(plan.steps == plan.steps.sorted { $0.milliseconds < $1.milliseconds })
            var stopped: Set<Int> = []
            var open: Set<String> = []
            for step in plan.steps {
                switch step.fault {
                case .kill(let slot), .terminate(let slot, _): stopped.insert(slot)
                case .start(let slot): stopped.remove(slot)
                case .settle, .copy: break
                case .freeze(let slot): open.insert("bot \(slot)")
                case .thaw(let slot): open.remove("bot \(slot)")
                case .killBroker, .freezeBroker: open.insert("broker")
                case .startBroker, .thawBroker: open.remove("broker")
                case .links(let slot, let weather):
                    if weather == .fine { open.remove("links \(slot ?? 0)") } else { open.insert("links \(slot ?? 0)") }
                case .breakDependency: open.insert("dependency")
                case .mendDependency: open.remove("dependency")
                case .refuseDeadLetters: open.insert("dlq")
                case .acceptDeadLetters: open.remove("dlq")
                case .fillDisk: open.insert("disk")
                case .freeDisk: open.remove("disk")
                case .fillBotDisk: open.insert("bots' disk")
                case .freeBotDisk: open.remove("bots' disk")
                case .stepClock(let slot, let seconds):
                    if seconds == 0 { open.remove("clock \(slot)") } else { open.insert("clock \(slot)") }
                }
            }
            #expect(open.isEmpty, "\(scenario) \(seed)")
            // Scaling down leaves some stopped, but never one of the first three.
            #expect(scenario == .scale || stopped.isSubset(of: scenario.countsKeys ? [4] : []), "\(scenario) \(seed)")
        }
    }

    /// Shares need not be even: one bot may have all partitions of requests, and others only those of retries. And requests of one key wait for each other.
    @Test(arguments: [30, 90]) func slowCallsNeedNoMoreThanOneBotAndHardlyWaitForTheirKey(seconds: Int) throws {
        let plan = plan(.slow, seed: 5, seconds: seconds)
        let underWay = plan.load.requestsPerSecond * (try #require(plan.callMilliseconds)) / 1_000
        #expect(underWay < ChaosBot.concurrentCalls)
        #expect(try #require(plan.callMilliseconds) > plan.pollSeconds * 1_000)
        #expect(underWay * 10 < plan.load.keys)
    }

    /// The shortest run of all is one too, whatever its seed.
    @Test func aShortPlanHasWhatItsNamePromises() {
        func faults(_ scenario: Scenario, _ seed: UInt64) -> [Fault] { plan(scenario, seed: seed, seconds: 3).steps.map(\.fault) }
        for seed in UInt64(1)...50 {
            let weathers = faults(.network, seed).compactMap { if case .links(_, let weather) = $0 { weather } else { nil } }
            #expect(weathers.contains(.cut) && weathers.contains(.silent))
            #expect(weathers.contains { if case .slow = $0 { true } else { false } })

            let clocks = faults(.clock, seed).compactMap { fault -> (slot: Int, seconds: Int)? in
                if case .stepClock(let slot, let seconds) = fault { (slot, seconds) } else { nil }
            }
            #expect(Set(clocks.map(\.slot)) == [1, 2, 3])
            #expect(Set(clocks.map(\.seconds)) == [3_600, -3_600, 0])

            #expect(faults(.sigterm, seed).contains { if case .terminate(_, twice: true) = $0 { true } else { false } })

            let steps = plan(.freeze, seed: seed, seconds: 3).steps
            #expect(steps.last.map { $0.milliseconds - steps[0].milliseconds } ?? 0 >= 7_500, "past the session timeout")

            let mishaps = faults(.retry, seed)
            for victim in 1...3 where mishaps.contains(.kill(slot: victim)) { #expect(mishaps.contains(.start(slot: victim))) }
            #expect(mishaps.contains { if case .kill = $0 { true } else { false } })
            #expect(mishaps.contains { if case .freeze = $0 { true } else { false } })
            #expect(mishaps.contains { if case .terminate = $0 { true } else { false } })
            #expect(plan(.retry, seed: seed).retry == (seed % 2 == 0 ? .inPlace : .topic))
        }
        // The first weather is not the same with each seed.
        #expect(Set((1...3).compactMap { faults(.network, $0).first?.description.split(separator: ":").last?.prefix(4) }).count > 1)
    }

    /// Else a change of the number meets the one before, and hardly any partition moves.
    @Test(arguments: [3, 4, 20, 60]) func eachNumberOfBotsIsReachedBeforeTheNext(seconds: Int) {
        for seed in UInt64(1)...20 {
            var running: Set<Int> = [1, 2, 3]
            var (changed, reached) = (false, [Int]())
            for step in plan(.scale, seed: seed, seconds: seconds).steps {
                switch step.fault {
                case .start(let slot): changed = running.insert(slot).inserted
                case .terminate(let slot, _): changed = running.remove(slot) != nil
                case .settle(let bots):
                    #expect(changed && bots == running.count)
                    (changed, reached) = (false, reached + [bots])
                default: Issue.record("\(step)")
                }
            }
            #expect(!changed && reached.starts(with: [6, 2, 5]) && reached.count % 3 == 0)
        }
    }

    /// Partitions move and a bot dies while there is no space; with space again each bot is started anew, and must have written a copy before the next fault.
    @Test(arguments: [3, 20, 60]) func onAFullDiskBotsMoveAndAreStartedAnewWithSpace(seconds: Int) {
        for seed in UInt64(1)...20 {
            var (isFull, killed, started, fills) = (false, Set<Int>(), Set<Int>(), 0)
            for step in plan(.stateDisk, seed: seed, seconds: seconds).steps {
                switch step.fault {
                case .fillBotDisk: (isFull, killed, started, fills) = (true, [], [], fills + 1)
                case .freeBotDisk:
                    #expect(isFull && started.contains(4) && killed.count == 1 && killed.isSubset(of: started))
                    (isFull, killed, started) = (false, [], [])
                case .kill(let slot): killed.insert(slot)
                case .start(let slot): started.insert(slot)
                case .copy(let bots): #expect(!isFull && started == [1, 2, 3] && bots == 3)
                case .settle, .terminate: break
                default: Issue.record("\(step)")
                }
            }
            #expect(fills > 0 && !isFull)
        }
    }

    /// Between faults that follow each other closely no partition stands still for long enough to be found.
    @Test(arguments: Scenario.allCases) func aRunThatLastsHasPausesInWhichAStandstillIsFound(scenario: Scenario) {
        func spans(_ seed: UInt64, seconds: Int) -> Int {
            let plan = plan(scenario, seed: seed, seconds: seconds)
            var calm = CalmSpans(from: 0)
            for step in plan.steps where !step.fault.isWait {
                calm.note(step.fault, from: Double(step.milliseconds) / 1_000, to: Double(step.milliseconds) / 1_000)
            }
            return calm.all.count { $0.upperBound - $0.lowerBound >= ChaosPlan.stallSeconds + plan.explainedSeconds + 2.5 }
        }
        for seed in UInt64(1)...20 { #expect(spans(seed, seconds: 300) >= (scenario == .slow ? 2 : 3), "\(scenario) \(seed)") }
    }

    /// It can be pasted: also where the Kafka was named by a flag.
    @Test func theCommandOfAPlanNamesAKafkaOfSomebodyElse() {
        let plan = plan(.kill, seed: 7)
        let own = "./meshload chaos --scenario kill --mode exactly-once --seed 7"
        #expect(plan.command("./meshload", flags: []) == own)
        #expect(plan.command("./meshload", flags: ["--brokers", "one:9092,two:9092"]) == own + " --brokers one:9092,two:9092")
        #expect(plan.command("./meshload", flags: ["--topics", "my topics/bob's", ""]) == own + #" --topics 'my topics/bob'\''s' ''"#)
    }

    /// Whether a disk can be mounted, for instance, is tried by mounting one.
    @Test func whoeverOnlyWantsThePlanIsAskedForNothing() throws {
        let words = ["chaos", "--scenario", "clock", "--clock-library", "/nowhere/clock.so", "--plan"]
        guard case .run(let invocation) = try MeshLoad.program.parse(words, environment: [:]) else {
            Issue.record("a command")
            return
        }
        #expect(try ChaosOptions(invocation).obstacle(.clock) == nil)
    }

    @Test func aDiskOfTheBrokersHoldsAllThatARunWrites() {
        let (short, long) = (
            ChaosPlanner.plan(.diskFull, .exactlyOnce, seed: 1, seconds: 20),
            ChaosPlanner.plan(.diskFull, .exactlyOnce, seed: 1, seconds: 300)
        )
        #expect(short.brokerDiskMebibytes < 160)
        // 90,000 requests and those of a minute of waiting, at 4 kB, beside what is filled.
        #expect(long.brokerDiskMebibytes << 20 >= 108_000 * 4_000 + 60 << 20)
    }

    /// What was said again, and the Kafka that the environment named; what is so by default is left out.
    @Test func aRunIsRepeatedWithWhatWasSaid() throws {
        let words = ["chaos", "--seed", "3", "--duration", "30", "--stall-limit", "10", "--keep", "--quiet-limit", "120"]
        guard case .run(let invocation) = try MeshLoad.program.parse(words, environment: ["MESH_TOPICS_DIR": "elsewhere"]) else {
            Issue.record("a command")
            return
        }
        let said = ["--duration", "30", "--quiet-limit", "120", "--topics", "elsewhere"]
        #expect(ChaosOptions.repeated(invocation, brokers: nil) == said)
        #expect(ChaosOptions.repeated(invocation, brokers: "k:9092") == ["--brokers", "k:9092"] + said)
    }

    @Test func requestsFailAtFirstByTheirNumber() {
        let habits = ChaosBot.Habits(transientPerMille: 40)
        let failures = (0..<10_000).map { habits.failures($0) }
        #expect((300..<500).contains(failures.count { $0 > 0 }))
        #expect(Set(failures) == [0, 1, 2])
        #expect((0..<10_000).allSatisfy { ChaosBot.Habits().failures($0) == 0 })
    }

    @Test func aLoadIsTheSameForTheSameSeed() {
        func ids(_ seed: UInt64) -> [String] {
            var shape = LoadShape(plan(.duplicates, seed: seed), topic: "bench.request_x")
            return (0..<500).flatMap { _ in shape.next().map(\.id) }
        }
        #expect(ids(3) == ids(3))
        #expect(ids(3) != ids(4))
        #expect(Set(ids(3)).count < ids(3).count)
    }

    /// A bot that has only partitions of retries meets no fault.
    @Test(arguments: Scenario.allCases) func anEvenShareOfAllPartitionsHasSomeOfRequests(scenario: Scenario) {
        let topics = ChaosTopics(scenario: scenario, run: "x", deadLetterPartitions: 1)
        let all = [topics, topics.downstream].map { ($0.groupPartitions.count, Int($0.retryPartitionCount)) }
        for seed in UInt64(1)...5 {
            let plan = plan(scenario, seed: seed)
            let bots = plan.steps.reduce(plan.bots) { most, step in if case .start(let slot) = step.fault { max(most, slot) } else { most }
            }
            #expect(all[0].0 / bots > all[0].1)
            #expect(all[1].0 > all[1].1)
        }
    }

    /// What a link tells of its weather: whether anything came that could be held back.
    @Test func aWeatherIsFeltWhereBytesAreHeld() throws {
        func pair() throws -> (near: Int32, far: Int32) {
            var ends: [Int32] = [0, 0]
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
            return (ends[0], ends[1])
        }
        let (client, broker) = (try pair(), try pair())
        let link = ProxyLink(client: client.near, broker: broker.near)
        defer {
            link.close()
            close(client.far)
            close(broker.far)
        }
        let slow = LinkWeather.slow(delayMilliseconds: 100, kilobytesPerSecond: 50)
        #expect(!link.serve(.silent, at: 0))
        #expect(!link.serve(slow, at: 0))
        #expect(write(client.far, [1, 2, 3], 3) == 3)
        #expect(link.serve(.silent, at: 0))
        #expect(link.serve(slow, at: 0))
        #expect(!link.serve(.fine, at: 0))
        #expect(link.serve(.cut, at: 0) && link.isOver)
    }

    @Test func aConnectionIsTakenForTheClientThatItsFirstRequestNames() {
        let header: [UInt8] = [0, 0, 0, 30, 0, 18, 0, 3, 0, 0, 0, 1]
        #expect(ProxyLink.clientID(header + [0, 3] + Array("bot".utf8) + [1, 2]) == "bot")
        #expect(ProxyLink.clientID(header + [0, 3] + Array("bo".utf8)) == nil)
        #expect(ProxyLink.clientID(header) == nil)
        #expect(ProxyLink.clientID(header + [0xff, 0xff]) == "")
    }

    /// A bot tells of it when it has failed for 5 s, and tries again every 2 s.
    @Test(arguments: [4, 20, 60]) func deadLettersAreRefusedForLongEnoughToBeTold(seconds: Int) {
        for seed in UInt64(1)...50 {
            var since: Int?
            for step in ChaosPlanner.plan(.deadLetters, .exactlyOnce, seed: seed, seconds: seconds).steps {
                if step.fault == .refuseDeadLetters { since = step.milliseconds }
                if step.fault == .acceptDeadLetters { #expect(step.milliseconds - (since ?? step.milliseconds) >= 8_000) }
            }
            #expect(since != nil)
        }
    }
}
