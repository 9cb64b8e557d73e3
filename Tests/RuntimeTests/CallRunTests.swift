import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// Runs that call outside: cancelled, too long, and repeated after a crash.
@Suite struct CallRunTests {
    @Test func aCancelledRunEndsAsCancelled() throws {
        let machine = try Machine(WorkBot.self)
        let call = try runningCall(machine)
        machine.engine.cancelRun(call.runID, at: machine.moment)
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["cancelled"])
        // One that starts later ends before its call begins.
        let later = Work(name: "b", number: 2, how: "call")
        machine.engine.cancelRun(RunID.derived(event: EventID("b-2")!, bot: "WorkBot"), at: machine.moment)
        try machine.send(later)
        machine.runDry()
        #expect(machine.started.count == 1)
        #expect(machine.dead.count == 2)
    }

    @Test func aRunHasALimitAndAPerformerThatDoesNotReturnIsLeftBehind() throws {
        let machine = try Machine(WorkBot.self, configuration: configuration { $0.constraints.timeout = .seconds(20) })
        let call = try runningCall(machine)
        machine.pass(21_000)
        machine.advance()
        #expect(machine.cancelled == [call.reference])
        machine.pass(6_000)
        machine.advance()
        for _ in 0..<5 {
            machine.settle()
            machine.advance()
        }
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["run-timeout"])
        // What the performer says at last is nobody's business any more.
        machine.finishCall(call.reference)
        machine.runDry()
        #expect(machine.dead.count == 1)
    }

    @Test func aCallIsRepeatedWithItsKeyAfterACrash() throws {
        let machine = try Machine(WorkBot.self)
        let first = try runningCall(machine)
        try machine.crash()
        machine.runDry()
        #expect(machine.started.count == 2)
        #expect(machine.started[1].idempotencyKey == first.idempotencyKey)
        #expect(!machine.started[0].isRepeat)
        #expect(machine.started[1].isRepeat)
        #expect(try machine.events(WorkStarted.self).count == 1)
        #expect(try machine.events(WorkDone.self).count == 1)
        #expect(machine.audits.map(\.action) == ["call.started", "call.started", "call.finished"])
    }

    @Test func aRecordThatEndsTheProcessEachTimeIsDeadLettered() throws {
        let machine = try Machine(WorkBot.self)
        _ = try runningCall(machine)
        for _ in 0..<20 where machine.dead.isEmpty {
            try machine.crash()
            for _ in 0..<40 {
                machine.step()
            }
        }
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["crashes"])
    }
}
