import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// An outage of what a bot depends on: its work waits, is not failed, and holds nothing else up.
@Suite struct BreakerEngineTests {
    private func configuration(_ change: (inout BotConfiguration.Constraints) -> Void) -> BotConfiguration {
        var configuration = BotConfiguration(name: "WorkBot")
        configuration.constraints.breakers.standard = BreakerPolicy(failures: 3, pause: .seconds(5))
        change(&configuration.constraints)
        return configuration
    }

    private static func down(_: CallStart) -> CallOutcome { .failure(CallFailure(.transient, code: "down", message: "down")) }
    private static func up(_ call: CallStart) -> CallOutcome { .success(Effort.Response(number: number(call))) }
    /// The near site is down.
    private static func nearIsDown(_ call: CallStart) -> CallOutcome { number(call) < 1_000 ? down(call) : up(call) }
    private static func number(_ call: CallStart) -> Int { (call.request as! Effort).number }

    private func turn(_ machine: Machine, times: Int, passing milliseconds: Int64 = 100, _ each: () -> Void = {}) {
        for _ in 0..<times {
            machine.step()
            machine.finishCall()
            machine.pass(milliseconds)
            each()
        }
    }

    private func breakerIsOpen(_ machine: Machine) -> Bool { !machine.engine.breakers.isClosed("effort") }

    /// Sends calls of the near site until its breaker is open and all of them wait.
    private func outage(_ machine: Machine, calls: Int) throws {
        machine.outcome = Self.nearIsDown
        for number in 0..<calls { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
        turn(machine, times: 40 * calls)
        #expect(breakerIsOpen(machine))
    }

    @Test func otherWorkGoesOnAndNothingIsFailed() throws {
        let machine = try Machine(WorkBot.self, configuration: configuration { $0.maximumConcurrentJobs = 1 })
        try outage(machine, calls: 20)
        for number in 0..<30 { try machine.send(Work(name: "p\(number)", number: 100 + number, how: "plain")) }
        for number in 0..<10 { try machine.send(Work(name: "f\(number)", number: 1_000 + number, how: "call")) }
        turn(machine, times: 1_200)
        let done = try machine.events(WorkDone.self).map(\.payload.number)
        #expect(done.count == 40 && done.allSatisfy { $0 >= 100 }, "\(done)")
        #expect(machine.engine.breakers.isClosed("effort:far"))
        #expect(machine.dead.isEmpty)
        // The two failures before the third opened the breaker are all that was charged to records.
        #expect(machine.log.records(of: "retry.workbot").count <= 2)
        machine.outcome = Self.up
        machine.runDry()
        #expect(try Set(machine.events(WorkDone.self).map(\.payload.number)).count == 60)
        #expect(machine.dead.isEmpty)
        machine.expectAllCommitted()
    }

    @Test func anHourOfOutageUsesNeitherAttemptsNorTheRunsLimit() throws {
        let machine = try Machine(
            WorkBot.self,
            configuration: configuration {
                $0.maximumConcurrentJobs = 2
                $0.timeout = .seconds(70)
            })
        try outage(machine, calls: 6)
        // Twice as many trials as attempts that all records have together.
        let before = machine.started.count
        turn(machine, times: 3_600, passing: 1_000)
        #expect(machine.started.count - before > 36)
        #expect(machine.dead.isEmpty)
        machine.outcome = Self.up
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(try machine.events(WorkDone.self).map(\.payload.number).sorted() == Array(0..<6))
        #expect(machine.started.dropFirst(before).allSatisfy { $0.isRepeat || $0.reference.turn == 0 })
        machine.expectAllCommitted()
    }

    @Test func aDependencyThatHangsIsTriedAgainAndNotChargedToTheRecord() throws {
        let machine = try Machine(WorkBot.self, configuration: configuration { $0.timeout = .seconds(61) })
        try outage(machine, calls: 3)
        // The calls on trial do not come back: their limits pass, with little left of the runs'.
        for _ in 0..<400 {
            machine.restore()
            machine.advance()
            machine.settle()
            for reference in machine.cancelled.sorted(by: { $0.job < $1.job }) { machine.finishCall(reference) }
            machine.pass(1_000)
        }
        #expect(machine.dead.isEmpty)
        machine.outcome = Self.up
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(try machine.events(WorkDone.self).count == 3)
    }

    @Test func aCallThatIsLeftBehindDoesNotAnswerForItsRepeat() throws {
        let machine = try Machine(WorkBot.self, configuration: configuration { $0.breakers.standard.failures = 1 })
        try outage(machine, calls: 1)
        func call(after turn: Int) throws -> CallReference {
            for _ in 0..<2_000 {
                if let found = machine.calls.keys.first(where: { $0.turn > turn }) { return found }
                machine.advance()
                machine.pass(100)
            }
            return try #require(nil)
        }
        // Its limit and the grace pass, and it is made again.
        let first = try call(after: 0)
        let second = try call(after: first.turn)
        #expect(second.job == first.job && second.call == first.call)
        machine.outcome = Self.up
        machine.cancelled.remove(first)
        machine.finishCall(first)
        turnWithoutAnswers(machine)
        #expect(try machine.events(WorkDone.self).isEmpty)
        machine.finishCall(second)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 1)
        #expect(machine.dead.isEmpty)
    }

    @Test func soManyCallsAreOnTrialAndNeverMoreRunsThanAllowed() throws {
        let machine = try Machine(
            WorkBot.self,
            configuration: configuration {
                $0.maximumConcurrentJobs = 4
                $0.breakers.standard.probes = 3
            })
        try outage(machine, calls: 25)
        machine.outcome = Self.up
        while !machine.calls.isEmpty { machine.finishCall() }
        machine.pass(10_000)
        turnWithoutAnswers(machine)
        #expect(machine.calls.count == 3)
        machine.finishCall()
        machine.finishCall()
        turnWithoutAnswers(machine)
        #expect(machine.calls.count == 1, "it is closed only after the third")
        machine.finishCall()
        turnWithoutAnswers(machine)
        #expect(machine.engine.breakers.isClosed("effort"))
        #expect(machine.calls.count == 4, "those that were held take places again")
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 25)
    }

    private func turnWithoutAnswers(_ machine: Machine) {
        for _ in 0..<20 {
            machine.advance()
            machine.settle()
        }
    }

    @Test func heldRunsAreBoundedAndThenIntakeWaits() throws {
        var limits = Limits()
        limits.heldRuns = 5
        limits.waitingRecords = 10
        limits.earlyRecords = 1
        let machine = try Machine(WorkBot.self, configuration: configuration { $0.maximumConcurrentJobs = 2 }, limits: limits)
        try outage(machine, calls: 8)
        for number in 0..<200 { try machine.send(Work(name: "m\(number)", number: 100 + number, how: "call")) }
        turn(machine, times: 2_000) {
            #expect(machine.engine.holding.runs.count <= 5)
            #expect(machine.engine.jobsWithCalls <= 2)
            #expect(machine.engine.begun.count <= 5 + 2 + 2)
            // Beside them one of each partition that was restored since.
            #expect(machine.engine.lanes.count <= 10 + machine.inputs.count)
        }
        machine.outcome = Self.up
        machine.runDry()
        #expect(try Set(machine.events(WorkDone.self).map(\.payload.number)).count == 208)
        #expect(machine.dead.isEmpty)
        machine.expectAllCommitted()
    }

    @Test func theBytesOfHeldRunsAreBounded() throws {
        var limits = Limits()
        limits.heldBytes = 1_000
        let machine = try Machine(WorkBot.self, configuration: configuration { $0.maximumConcurrentJobs = 2 }, limits: limits)
        try outage(machine, calls: 30)
        #expect(machine.engine.holding.bytes <= 1_000)
        #expect(!machine.engine.holding.runs.isEmpty && machine.engine.holding.runs.count < 10)
    }

    @Test func aBotSaysWhatItWaitsFor() throws {
        let machine = try Machine(WorkBot.self, configuration: configuration { _ in })
        #expect(machine.engine.degraded(at: machine.moment).isEmpty)
        try outage(machine, calls: 6)
        for _ in 0..<200 where machine.calls.isEmpty == false { machine.finishCall() }
        machine.advance()
        let degraded = try #require(machine.engine.degraded(at: machine.moment).first)
        #expect(degraded.dependency == "effort")
        #expect(degraded.state == .open)
        #expect(degraded.waitingCalls >= 4)
        let reasons = machine.engine.explanations(at: machine.moment)
        #expect(reasons.values.contains("a dependency is down"))
        #expect(machine.entries.contains { $0.message.contains("calls to effort keep failing") })
        machine.outcome = Self.up
        machine.runDry()
        #expect(machine.engine.degraded(at: machine.moment).isEmpty)
        #expect(machine.engine.holding.calls.isEmpty)
        #expect(machine.entries.contains { $0.message.contains("calls to effort work again") })
    }

    @Test func aHeldRunCanBeCancelled() throws {
        let machine = try Machine(WorkBot.self, configuration: configuration { _ in })
        try outage(machine, calls: 6)
        let run = RunID.derived(event: EventID("n5-5")!, bot: "WorkBot")
        machine.engine.cancelRun(run, at: machine.moment)
        turn(machine, times: 20)
        #expect(machine.dead.count == 1)
    }

    /// Whatever ends in the middle of an outage, each input has one result in the end.
    @Test(arguments: 0..<30) func crashesDuringAnOutageLoseAndDoubleNothing(seed: UInt64) throws {
        let machine = try Machine(
            WorkBot.self, seed: seed, configuration: configuration { $0.maximumConcurrentJobs = 3 }, limits: limits(resumes: 1_000))
        machine.settleFailures = 10
        machine.outcome = Self.nearIsDown
        var sent = 0
        for round in 0..<30 {
            for _ in 0..<3 {
                let how = ["call", "plain", "calls", "chain"][sent % 4]
                try machine.send(Work(name: "n\(sent % 7)", number: sent % 3 == 0 ? 1_000 + sent : sent, how: how))
                sent += 1
            }
            for _ in 0..<40 { machine.happen() }
            if round % 5 == 4 { try machine.crash() }
            if round % 7 == 6 {
                let partitions = machine.inputs.filter { $0.partition == Int32(round % 3) }
                machine.giveUp(partitions)
                machine.own(partitions)
            }
        }
        machine.outcome = Self.up
        machine.runDry()
        machine.expectAllCommitted()
        let done = try machine.events(WorkDone.self).map(\.payload.number)
        #expect(Set(done).count + machine.dead.count == sent)
        #expect(Set(done).count == done.count)
    }

    private func limits(resumes: Int) -> Limits {
        var limits = Limits()
        limits.resumesPerRun = resumes
        limits.committedAtOnce = 1
        return limits
    }
}
