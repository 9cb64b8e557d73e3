import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// What an outage must not do to other work: hold it up for ever, use up its time, or change its turn.
@Suite struct OutageTests: OutageSuite {
    /// Its dependency answers all others: then it is the record that is at fault, and not for ever.
    @Test(arguments: [BreakerPolicy(failures: 3, pause: .seconds(5), probes: 2), BreakerPolicy(failures: 1, pause: .seconds(5), probes: 1)])
    func aCallThatAlwaysFailsIsChargedWhereOthersSucceed(_ policy: BreakerPolicy) throws {
        let machine = try machine(policy)
        machine.outcome = { Self.number($0) == 0 ? Self.down($0) : Self.up($0) }
        try machine.send(Work(name: "poison", number: 0, how: "call"))
        for number in 1...200 {
            try machine.send(Work(name: "n\(number)", number: number, how: "call"))
            turn(machine, times: 60)
        }
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["down"])
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 200)
        machine.expectAllCommitted()
    }

    /// Its calls may take as long as their run: the run's limit, which began before, passes first.
    @Test func aDependencyThatHangsForAWholeRunOpensItsBreaker() throws {
        let machine = try machine(BreakerPolicy(failures: 2, pause: .seconds(5))) {
            $0.constraints.timeout = .seconds(60)
            $0.constraints.maximumConcurrentJobs = 1
        }
        try send(0..<5, machine)
        for _ in 0..<3_000 {
            machine.step()
            for reference in machine.cancelled { machine.finishCall(reference) }
            machine.pass(100)
        }
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["run-timeout"], "the first, before it was known")
        machine.outcome = Self.up
        machine.runDry()
        #expect(machine.dead.count == 1)
        #expect(try machine.events(WorkDone.self).count == 4)
        machine.expectAllCommitted()
    }

    /// It hung on trial while the outage ended; that others had succeeded before the outage excuses nothing, and blames nothing.
    @Test func aCallThatHangsWhileTheOutageEndsIsNotCharged() throws {
        let machine = try machine(BreakerPolicy(failures: 2, pause: .seconds(5))) { $0.constraints.maximumConcurrentJobs = 10 }
        func finish(_ number: Int, _ outcome: @escaping (CallStart) -> CallOutcome) throws {
            machine.outcome = outcome
            machine.finishCall(try #require(machine.calls.values.first { Self.number($0) == number }).reference)
        }
        try send(0..<5, machine)
        for _ in 0..<40 { machine.step() }
        #expect(machine.calls.count == 5)
        for number in [1, 2] { try finish(number, Self.up) }
        for number in [3, 4, 0] { try finish(number, Self.down) }
        for _ in 0..<600 where !machine.calls.values.contains(where: { Self.number($0) == 0 }) {
            machine.step()
            machine.pass(100)
        }
        #expect(machine.calls.count > 1, "those that were charged are made again before it")
        try finish(try #require(machine.calls.values.map(Self.number).first { $0 != 0 }), Self.up)
        try finish(0, Self.down)
        machine.outcome = Self.up
        machine.runDry()
        #expect(machine.log.records(of: "retry.workbot").count == 1, "the first of those that opened it")
        #expect(try machine.events(WorkDone.self).count == 5)
    }

    /// It takes longer to fail than the others of each trial take to succeed.
    @Test func aCallThatAlwaysFailsLastIsChargedToo() throws {
        let machine = try machine(BreakerPolicy(failures: 1, pause: .seconds(5), probes: 2))
        machine.outcome = { Self.number($0) == 0 ? Self.down($0) : Self.up($0) }
        try machine.send(Work(name: "poison", number: 0, how: "call"))
        for number in 1...60 {
            try machine.send(Work(name: "n\(number)", number: number, how: "call"))
            for _ in 0..<60 {
                machine.step()
                let poison = machine.calls.values.first { Self.number($0) == 0 }
                for call in machine.calls.values where Self.number(call) != 0 { machine.finishCall(call.reference) }
                machine.step()
                if let poison { machine.finishCall(poison.reference) }
                machine.pass(100)
            }
        }
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["down"])
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 60)
    }

    /// The same where it fails before the others of its trial succeed, and is more urgent than they.
    @Test(arguments: [Priority.low, .critical]) func aCallThatAlwaysFailsFirstIsChargedToo(_ priority: Priority) throws {
        let machine = try machine(BreakerPolicy(failures: 3, pause: .seconds(5), probes: 2)) {
            $0.triggers = [
                .init(kind: .event, pattern: "work.requested", filter: "number == 0", priority: priority),
                .init(kind: .event, pattern: "work.requested", priority: .low),
            ]
        }
        machine.outcome = { Self.number($0) == 0 ? Self.down($0) : Self.up($0) }
        try machine.send(Work(name: "poison", number: 0, how: "call"))
        for number in 1...300 {
            if number % 3 == 0 { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
            for _ in 0..<20 {
                machine.step()
                if let poison = machine.calls.values.first(where: { Self.number($0) == 0 }) { machine.finishCall(poison.reference) }
                machine.step()
                machine.finishCall()
                machine.pass(100)
            }
        }
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["down"])
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 100)
    }

    /// What is refused before it leaves the machine is no sign that the other side is back.
    @Test func whatFailsForGoodInAnOutageClosesNoBreakerAndChargesNobody() throws {
        let machine = try machine(BreakerPolicy(failures: 5, pause: .seconds(5))) { $0.constraints.maximumConcurrentJobs = 4 }
        machine.outcome = {
            Self.number($0) < 100 ? Self.down($0) : .failure(CallFailure(.permanent, code: "unknown-channel", message: "refused"))
        }
        try send(0..<40, machine)
        // Each has had a trial: what is new goes before them.
        turn(machine, times: 40 * 60)
        let charged = machine.log.records(of: "retry.workbot").count
        for number in 100..<110 {
            try machine.send(Work(name: "n\(number)", number: number, how: "call"))
            turn(machine, times: 120)
        }
        #expect(machine.log.records(of: "retry.workbot").count == charged)
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == Array(repeating: "unknown-channel", count: 10))
        machine.outcome = Self.up
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 40)
    }

    /// One trial succeeds, and then it is down again: that was no proof against those that wait.
    @Test func aBlipInAnOutageChargesNobodyThatWaits() throws {
        let machine = try machine(BreakerPolicy(failures: 5, pause: .seconds(5))) { $0.constraints.maximumConcurrentJobs = 5 }
        machine.outcome = Self.down
        try send(0..<40, machine)
        // Each has had a trial.
        turn(machine, times: 40 * 60)
        let charged = machine.log.records(of: "retry.workbot").count
        for _ in 0..<4 {
            var left = 1
            machine.outcome = { call in
                left -= 1
                return left >= 0 ? Self.up(call) : Self.down(call)
            }
            turn(machine, times: 40 * 60)
        }
        // What opens it again each time, and no more.
        #expect(machine.log.records(of: "retry.workbot").count <= charged + 4 * 5)
        machine.outcome = Self.up
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 40)
        #expect(machine.dead.isEmpty)
    }

    /// A call ends while the step before is being settled, for longer than the run may take; the bot asks for another one.
    @Test func whatKafkaTakesAfterACallThatEndedMeanwhileIsNotTheRunsTime() throws {
        let machine = try machine { $0.constraints.timeout = .seconds(20) }
        machine.outcome = Self.up
        try machine.send(Work(name: "a", number: 1, how: "fork"))
        for _ in 0..<60 where machine.calls.count < 2 { machine.step() }
        let calls = machine.calls.values.sorted { $0.reference.call < $1.reference.call }
        try #require(calls.count == 2)
        machine.finishCall(calls[0].reference)
        for round in 0..<400 {
            machine.advance()
            machine.settle(.failed(KafkaError(code: -195, name: "_TRANSPORT", message: "away", isRetriable: true)))
            machine.pass(100)
            if round == 10 { machine.finishCall(calls[1].reference) }
        }
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    /// What was under way when it went down again had no part in that.
    @Test func anOutageThatComesAgainChargesOnlyWhatOpensTheBreaker() throws {
        let machine = try machine(BreakerPolicy(failures: 5, pause: .seconds(5))) { $0.constraints.maximumConcurrentJobs = 50 }
        machine.outcome = Self.up
        try send(0..<40, machine)
        for _ in 0..<80 { machine.step() }
        #expect(machine.calls.count == 40)
        for _ in 0..<6 {
            machine.outcome = Self.down
            for _ in 0..<60 where !machine.calls.isEmpty { machine.finishCall() }
            machine.pass(5_000)
            // One succeeds on trial; the others begin again.
            machine.advance()
            #expect(machine.calls.count == 1)
            machine.outcome = Self.up
            machine.finishCall()
            for _ in 0..<20 { machine.step() }
            #expect(machine.calls.count > 20)
        }
        #expect(machine.dead.isEmpty)
        // Five failures open it each time; more are nobody's fault.
        #expect(machine.log.records(of: "retry.workbot").count <= 6 * 5)
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(try machine.events(WorkDone.self).count == 40)
    }

    /// Held runs, and records that wait in lanes, after the dependency is back.
    @Test func afterAnOutageTheMostUrgentGoesFirst() throws {
        let machine = try machine(change: Self.onePlace)
        machine.outcome = Self.down
        try send(0..<20, machine)
        try machine.send(Work(name: "held", number: 500, how: "call"))
        turn(machine, times: 600)
        #expect(machine.engine.holding.runs.count > 15)
        for _ in 0..<100 where machine.engine.degraded(at: machine.moment).first?.state != .open || !machine.calls.isEmpty {
            turn(machine, times: 1)
        }
        machine.outcome = Self.up
        let before = machine.started.count
        // What it calls is well; the others wait in lanes meanwhile.
        for number in [1_000, 501, 502, 503] { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
        for _ in 0..<30 { machine.step() }
        #expect(machine.calls.count == 1 && machine.engine.lanes.count == 3)
        machine.pass(5_000)
        turn(machine, times: 400)
        let order = machine.started.dropFirst(before).filter { Self.number($0) >= 500 }.map(Self.number)
        #expect(Set(order) == [500, 501, 502, 503, 1_000])
        let place = try #require(machine.started.dropFirst(before).lastIndex { Self.number($0) >= 500 })
        #expect(place - before <= 12, "\(machine.started.dropFirst(before).map(Self.number))")
        machine.runDry()
        #expect(try Set(machine.events(WorkDone.self).map(\.payload.number)).count == 25, "the others are not starved")
        machine.expectAllCommitted()
    }

    /// Two dependencies are down, and what waits for the second has all places: the first comes back.
    @Test func whatIsBackGoesOnWhileAnotherIsDown() throws {
        var limits = Limits()
        limits.heldRuns = 2
        let machine = try machine(BreakerPolicy(failures: 1, pause: .seconds(5)), limits: limits) {
            $0.constraints.maximumConcurrentJobs = 2
        }
        machine.outcome = Self.down
        try send(1_000..<1_002, machine)
        turn(machine, times: 40)
        try send(0..<4, machine)
        turn(machine, times: 100)
        machine.outcome = { Self.number($0) < 1_000 ? Self.down($0) : Self.up($0) }
        turn(machine, times: 400)
        #expect(try machine.events(WorkDone.self).map(\.payload.number).sorted().suffix(2) == [1_000, 1_001])
        machine.outcome = Self.up
        machine.runDry()
        #expect(machine.dead.isEmpty)
        machine.expectAllCommitted()
    }

    /// Settlements fail for longer than a run may take: its calls have had none of that time.
    @Test(arguments: ["call", "chain"]) func whatKafkaTakesIsNotTheRunsTime(_ how: String) throws {
        let machine = try machine { $0.constraints.timeout = .seconds(20) }
        machine.outcome = Self.up
        try machine.send(Work(name: "a", number: 1, how: how))
        for _ in 0..<3 {
            for _ in 0..<400 {
                machine.restore()
                machine.deliver()
                machine.advance()
                machine.settle(.failed(KafkaError(code: -195, name: "_TRANSPORT", message: "away", isRetriable: true)))
                machine.pass(100)
            }
            for _ in 0..<30 where machine.calls.isEmpty { machine.step() }
            machine.finishCall()
        }
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    /// Each of its calls loses the same time.
    @Test func theSameTimeIsGivenBackOnce() throws {
        let machine = try machine()
        _ = try runningCall(machine)
        let job = try #require(machine.engine.begun.values.first)
        let before = job.deadline
        for _ in 0..<40 { job.giveBack(since: 1_000_000, at: 1_060_000) }
        #expect(job.deadline == before + 60_000)
        job.giveBack(since: 1_050_000, at: 1_070_000)
        #expect(job.deadline == before + 70_000)
        // Between the two it worked; then a call comes back that was under way all the time.
        job.giveBack(since: 1_090_000, at: 1_100_000)
        job.giveBack(since: 980_000, at: 1_101_000)
        #expect(job.deadline == before + 121_000)
        job.giveBack(since: 1_200_000, at: 1_100_000)
        #expect(job.deadline == before + 121_000)
        job.giveBack(since: .min, at: .max)
        #expect(job.deadline == .max)
    }

    /// A copy needs no token: it only waits for what becomes of the first.
    @Test func copiesDoNotUseUpTheRate() throws {
        let machine = try machine {
            $0.constraints.maximumConcurrentJobs = 50
            $0.constraints.rateLimit = .init(requestsPerMinute: 60, burstSize: 5)
        }
        for copy in 0..<20 { try machine.send(Work(name: "a", number: 1, how: "call"), id: "same", key: "k\(copy)") }
        try send(2..<6, machine)
        turn(machine, times: 60, passing: 10)
        #expect(machine.started.count == 5, "the burst is for runs")
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 5)
        machine.expectAllCommitted()
    }

    /// The bot's own limits say nothing of what is outside.
    @Test func whatTheBotItselfIsTooBusyForOpensNoBreaker() throws {
        let machine = try machine(BreakerPolicy(failures: 2, pause: .seconds(5)))
        var busy = 0
        machine.outcome = {
            busy += 1
            return busy <= 10 ? .failure(CallFailure(.transient, code: "workspace-busy", message: "busy")) : Self.up($0)
        }
        try send(0..<10, machine)
        for _ in 0..<400 {
            turn(machine, times: 1)
            #expect(machine.engine.breakers.isClosed("effort"))
        }
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 10)
        #expect(machine.log.records(of: "retry.workbot").count == 10, "each is charged")
    }

    /// A step is settled for long while another call of the run waits, or has just begun.
    @Test func whatKafkaTakesIsNotTheRunsTimeBesideACallThatIsHeld() throws {
        let machine = try machine(BreakerPolicy(failures: 1, pause: .seconds(5))) { $0.constraints.timeout = .seconds(20) }
        // The second one's dependency is down.
        machine.outcome = { ($0.request as! Effort).step == 1 ? Self.down($0) : Self.up($0) }
        try machine.send(Work(name: "a", number: 1, how: "calls"))
        for _ in 0..<60 where machine.calls.count < 2 { machine.step() }
        let calls = machine.calls.values.sorted { $0.reference.call < $1.reference.call }
        try #require(calls.count == 2)
        machine.finishCall(calls[1].reference)
        machine.advance()
        machine.finishCall(calls[0].reference)
        for _ in 0..<400 {
            machine.advance()
            machine.settle(.failed(KafkaError(code: -195, name: "_TRANSPORT", message: "away", isRetriable: true)))
            machine.pass(100)
            if !machine.calls.isEmpty { machine.finishCall() }
        }
        machine.outcome = Self.up
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(try machine.events(WorkDone.self).count == 1)
    }

    /// There is one place, and something more urgent without end.
    @Test func aHeldRunIsNotStarvedByMoreUrgentOnes() throws {
        let machine = try machine(change: Self.onePlace)
        machine.outcome = Self.down
        try send(0..<8, machine)
        turn(machine, times: 100)
        machine.outcome = Self.up
        var number = 1_000
        for _ in 0..<1_500 {
            while machine.engine.lanes.count < 3 {
                number += 1
                try machine.send(Work(name: "n\(number)", number: number, how: "call"))
                machine.deliver()
                machine.advance()
            }
            turn(machine, times: 1)
        }
        let done = try machine.events(WorkDone.self).map(\.payload.number)
        #expect(Set(done).isSuperset(of: 0..<8), "\(done.filter { $0 < 500 }) of \(done.count)")
        #expect(done.count > 100)
    }

    /// Nothing waits for it any more, and the next call would be made.
    @Test func aDependencyThatNobodyNeedsIsNotReported() throws {
        let machine = try machine()
        machine.outcome = Self.down
        try send(0..<6, machine)
        turn(machine, times: 200)
        #expect(machine.engine.degraded(at: machine.moment).map(\.dependency) == ["effort"])
        for _ in 0..<20 where !machine.calls.isEmpty { machine.finishCall() }
        machine.giveUp(Array(machine.engine.partitions.keys))
        machine.pass(3_600_000)
        machine.advance()
        #expect(machine.engine.degraded(at: machine.moment).isEmpty)
    }

    /// A tick that its topic refuses holds nothing else up, and fires when it is taken again.
    @Test(arguments: DeliveryMode.allCases) func aRefusedTickHoldsNothingUp(_ delivery: DeliveryMode) throws {
        let machine = try Machine(
            WorkBot.self, delivery: delivery,
            configuration: configuration {
                $0.triggers = [.init(kind: .schedule, pattern: "* * * * *"), .init(kind: .event, pattern: "work.requested")]
            })
        let topic = machine.settings.topics.schedule
        let refused = KafkaError(code: 29, name: "TOPIC_AUTHORIZATION_FAILED", message: "not allowed")
        var (refusals, number) = (0, 0)
        for round in 0..<1_800 {
            if round % 60 == 0 {
                number += 1
                try machine.send(Work(name: "n\(number)", number: number, how: "plain"))
            }
            machine.restore()
            machine.deliver()
            machine.advance()
            if let batch = machine.settling {
                let place = batch.records.firstIndex { $0.contains { $0.topic == topic } }
                refusals += place == nil ? 0 : 1
                machine.settle(place.map { .refused(refused, item: $0, topic: topic) } ?? .committed)
            }
            machine.pass(100)
        }
        #expect((3...60).contains(refusals), "\(refusals) of three ticks in 180 s")
        #expect(machine.entries.contains { $0.level == .error && $0.message.contains("\(topic) cannot be written") })
        #expect(try machine.events(WorkDone.self).count == number)
        #expect(machine.engine.trouble == nil)
        let minute = machine.wall / 60_000
        turn(machine, times: 200)
        let fired = try machine.events(ScheduleFired.self).map(\.payload.firedAt)
        let due = [minute - 1, minute].map { Timestamp(milliseconds: $0 * 60_000).text }
        #expect(fired.sorted() == due, "those of the last two minutes, each once")
    }
}
