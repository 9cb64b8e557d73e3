import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// Calls on trial, while a breaker is half open: they hold neither each other nor other work up.
@Suite struct TrialTests: OutageSuite {
    /// A build on trial takes half an hour, and its server is back.
    @Test func whileATrialTakesLongOthersGoOnTrialToo() throws {
        let machine = try machine(BreakerPolicy(failures: 1, pause: .seconds(5))) { $0.constraints.maximumConcurrentJobs = 10 }
        try openedByOneOfSix(machine)
        for _ in 0..<450 {
            machine.step()
            machine.pass(100)
        }
        // After the pause, and 5, 10 and 20 s more.
        #expect(machine.calls.count == 4)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 6)
    }

    /// A server that hangs has as many on trial as there are places but one.
    @Test func whatHangsOnTrialLeavesAPlaceToOthers() throws {
        let machine = try machine(BreakerPolicy(failures: 1, pause: .seconds(5))) { $0.constraints.maximumConcurrentJobs = 3 }
        try openedByOneOfSix(machine)
        try send(1_000..<1_006, machine)
        for _ in 0..<500 {
            machine.step()
            for call in machine.calls.values where Self.number(call) >= 1_000 { machine.finishCall(call.reference) }
            machine.pass(100)
        }
        #expect(machine.calls.count == 2, "on trial")
        #expect(try machine.events(WorkDone.self).map(\.payload.number).sorted() == Array(1_000..<1_006))
    }

    /// Those that wait have more places than there are: so they have while something is on trial that takes long.
    @Test func whileATrialTakesLongOthersGoOnTrialAlsoWhereHeldRunsHaveAllPlaces() throws {
        var limits = Limits()
        limits.heldRuns = 2
        let machine = try machine(BreakerPolicy(failures: 1, pause: .seconds(5)), limits: limits) {
            $0.constraints.maximumConcurrentJobs = 4
        }
        machine.outcome = Self.down
        try send(0..<12, machine)
        turn(machine, times: 20)
        machine.outcome = Self.up
        for _ in 0..<500 {
            machine.step()
            machine.pass(100)
        }
        #expect(machine.calls.count == 3, "on trial")
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 12)
    }

    /// On trial it means the next pause, and costs nobody an attempt.
    @Test func whatTheBotItselfIsTooBusyForOnTrialWaitsForTheNextTrial() throws {
        let machine = try machine()
        machine.outcome = Self.down
        try send(0..<10, machine)
        turn(machine, times: 40)
        let charged = machine.log.records(of: "retry.workbot").count
        machine.outcome = { _ in .failure(CallFailure(.transient, code: "workspace-busy", message: "busy")) }
        let before = machine.started.count
        turn(machine, times: 300)
        #expect((4...8).contains(machine.started.count - before), "\(machine.started.count - before) trials in 30 s")
        #expect(machine.log.records(of: "retry.workbot").count == charged)
        machine.outcome = Self.up
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 10)
    }
}
