import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// Runs that call outside: cancelled, too long, and repeated after a crash.
@Suite struct CallRunTests {
    /// What it asks for cannot be told to the journal, and so cannot be asked for: not even when another call is still under way.
    @Test func aCallThatCannotBeWrittenIsADeadLetterAlsoBesideOthers() throws {
        let machine = try Machine(OddBot.self, partitions: 1)
        machine.outcome = { _ in .success(Odd.Response()) }
        try machine.send(Work(name: "a", number: 1, how: "odd"))
        for _ in 0..<60 where machine.calls.count < 2 { machine.step() }
        let first = try #require(machine.calls.values.first { ($0.request as? Odd)?.weight == 1 })
        machine.finishCall(first.reference)
        machine.runDry()
        #expect(machine.started.count == 2, "the third is never made")
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["unwritable-call"])
        #expect(try machine.events(WorkDone.self).isEmpty)
        machine.expectAllCommitted()
    }

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
        var crashes = 0
        for _ in 0..<20 where machine.dead.isEmpty {
            try machine.crash()
            crashes += 1
            for _ in 0..<40 {
                machine.step()
            }
        }
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["crashes"])
        #expect(crashes == 6)
    }

    /// Their steps are settled, and not acted on yet, when the partition is lost: whoever has it next makes the calls.
    @Test func noCallBeginsForAPartitionThatIsLost() throws {
        var limits = Limits()
        limits.committedAtOnce = 1
        let machine = try Machine(WorkBot.self, partitions: 1, limits: limits)
        machine.restoreAll()
        for name in ["a", "b"] { try machine.send(Work(name: name, number: 1, how: "call")) }
        while machine.deliver() != nil {}
        machine.advance()
        #expect(machine.settling?.records.count == 2)
        machine.settle()
        #expect(machine.started.count == 1)
        machine.giveUp([TopicPartition(Work.type.name, 0)])
        #expect(machine.started.count == 1)
    }
}

/// A request that JSON may have no number for.
private struct Odd: CallRequest {
    struct Response: Codable, Sendable, Equatable {}
    static let kind: CallKind = "odd"
    var weight: Double
    var timeLimit: Duration { .seconds(60) }
}

private enum OddCall: BotCall {
    case odd(Odd)
    static let kinds: [CallKind] = [Odd.kind]
    var request: any CallRequest {
        switch self {
        case .odd(let odd): odd
        }
    }
}

/// Asks for two calls, and for one that cannot be written when the first of them comes back.
private struct OddBot: Bot {
    static let contract = Contract(
        name: "OddBot", summary: "For tests.", consumes: [Work.type], produces: WorkOutput.types, calls: OddCall.kinds)
    init(configuration: BotConfiguration) throws(ConfigurationError) {}

    func handle(_ input: Input<OddCall>, state: inout Never?, context: Context) throws(Rejection) -> [Effect<WorkOutput, OddCall>] {
        switch input {
        case .event: [.perform(.odd(Odd(weight: 1))), .perform(.odd(Odd(weight: 2)))]
        case .finished(.odd(let odd), _, _): odd.weight == 1 ? [.perform(.odd(Odd(weight: .nan)))] : []
        case .reminder: []
        }
    }
}
