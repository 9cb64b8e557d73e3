import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// Runs that pass from owner to owner: only who ends its process is given up for it.
@Suite struct ResumeTests {
    enum Ending: CaseIterable {
        case orderly, drain, abrupt
    }

    private func machine(jobs: Int = 2) throws -> Machine {
        let bot = configuration {
            $0.constraints.maximumConcurrentJobs = jobs
            // The first failure holds its call back: none is charged to a record.
            $0.constraints.breakers.standard = BreakerPolicy(failures: 1, pause: .seconds(5))
        }
        return try Machine(WorkBot.self, configuration: bot)
    }

    private static func down(_: CallStart) -> CallOutcome { .failure(CallFailure(.transient, code: "down", message: "down")) }
    private static func up(_ call: CallStart) -> CallOutcome {
        .success(Effort.Response(number: (call.request as! Effort).number))
    }

    private func turn(_ machine: Machine, times: Int, answering: Bool = true) {
        for _ in 0..<times {
            machine.step()
            if answering { machine.finishCall() }
            machine.pass(100)
        }
    }

    /// The partitions pass to another owner, or the process to another one.
    private func end(_ machine: Machine, _ ending: Ending) throws {
        switch ending {
        case .orderly:
            machine.engine.leaving(machine.inputs)
            for _ in 0..<100 where !machine.engine.isQuiet(machine.inputs) {
                machine.advance()
                machine.settle()
            }
            #expect(machine.engine.isQuiet(machine.inputs))
            machine.giveUp(machine.inputs)
            machine.own(machine.inputs)
        case .drain:
            machine.engine.drain(at: machine.moment)
            for _ in 0..<5 {
                machine.advance()
                machine.settle()
            }
            try machine.crash()
        case .abrupt: try machine.crash()
        }
    }

    @Test(arguments: Ending.allCases) func anOutageThatOutlastsManyOwnersFailsNoRecord(_ ending: Ending) throws {
        let machine = try machine()
        machine.outcome = Self.down
        for number in 0..<6 { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
        for _ in 0..<8 {
            turn(machine, times: 100)
            // Whatever is on trial comes back, and all of them wait.
            for _ in 0..<200 where machine.engine.holding.runs.count < 6 { turn(machine, times: 1) }
            machine.settle()
            #expect(machine.engine.holding.runs.count == 6)
            try end(machine, ending)
        }
        machine.outcome = Self.up
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) }.isEmpty)
        #expect(try machine.events(WorkDone.self).map(\.payload.number).sorted() == Array(0..<6))
        machine.expectAllCommitted()
    }

    @Test(arguments: [Ending.orderly, .drain]) func aLongCallOutlivesManyOwnersThatGiveItUpInOrder(_ ending: Ending) throws {
        let machine = try machine()
        _ = try runningCall(machine)
        for round in 1...8 {
            try end(machine, ending)
            turn(machine, times: 60, answering: false)
            #expect(machine.started.count == 1 + round, "it is made again")
        }
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(try machine.events(WorkDone.self).count == 1)
    }

    /// Each owner has just noted that it takes the run up, and the note is on its way, when it gives the run up.
    @Test(arguments: [Ending.orderly, .drain]) func anOwnerThatGivesARunUpAsItTakesItUpDoesNotCount(_ ending: Ending) throws {
        let machine = try machine()
        _ = try runningCall(machine)
        for _ in 0..<8 {
            try end(machine, ending)
            machine.runToSettlement()
            #expect(machine.engine.begun.values.map(\.unsettledSteps) == [1])
        }
        try end(machine, ending)
        #expect(machine.started.count == 1, "what is given up makes no calls any more")
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    /// Its call is held first, each time; and when it goes on the process ends.
    @Test func aRecordThatEndsTheProcessOnceItsDependencyIsUpIsDeadLettered() throws {
        let machine = try machine()
        machine.outcome = Self.down
        try machine.send(Work(name: "a", number: 1, how: "call"))
        var crashes = 0
        for _ in 0..<20 where machine.dead.isEmpty {
            turn(machine, times: 45)
            while !machine.calls.isEmpty { machine.finishCall() }
            turn(machine, times: 80, answering: false)
            guard !machine.calls.isEmpty else { continue }
            try machine.crash()
            crashes += 1
        }
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["crashes"])
        #expect(crashes == machine.settings.limits.resumesPerRun + 1)
        #expect(machine.dead.map { header("mesh_produced", of: $0) } == ["work.started:1"], "a redrive does not say it again")
    }

    /// What was visible stands in the journal: what the bot would say by now does not count.
    @Test func aRunThatIsDecidedOtherwiseSaysWhatItHadMadeVisible() throws {
        let machine = try machine()
        _ = try runningCall(machine)
        // The journal of a bot that asked for another call then.
        try machine.log.changeJournals(of: machine.settings.topics.state) { entry in
            #expect(entry.produced == ["work.started": 1])
            entry.calls = [.string("another call")]
            entry.produced["work.done"] = 4
        }
        try machine.crash()
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["journal-mismatch"])
        #expect(machine.dead.map { header("mesh_produced", of: $0) } == ["work.done:4,work.started:1"])
    }

    /// The topic was made anew, and the state topic was not.
    @Test func theJournalOfAnotherEventAtTheSameOffsetIsNotTakenUp() throws {
        let machine = try machine()
        _ = try runningCall(machine)
        try machine.log.changeJournals(of: machine.settings.topics.state) { $0.event = "another" }
        try machine.crash()
        machine.runDry()
        #expect(machine.dead.isEmpty)
        #expect(try machine.events(WorkStarted.self).count == 2, "it began anew, with the same id")
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }
}
