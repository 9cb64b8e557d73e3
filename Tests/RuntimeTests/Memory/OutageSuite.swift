import BotKit
import Envelopes

@testable import MeshRuntime

/// What tests of outages share: a bot whose calls fail and succeed as a test says.
protocol OutageSuite {}

extension OutageSuite {
    func machine(
        _ policy: BreakerPolicy = BreakerPolicy(failures: 3, pause: .seconds(5)), limits: Limits = Limits(),
        change: (inout BotConfiguration) -> Void = { _ in }
    ) throws -> Machine {
        try Machine(
            WorkBot.self, partitions: 1,
            configuration: configuration {
                $0.constraints.breakers.standard = policy
                change(&$0)
            }, limits: limits)
    }

    /// One run at a time, and numbers from 500 are critical, the others low.
    static func onePlace(_ configuration: inout BotConfiguration) {
        configuration.constraints.maximumConcurrentJobs = 1
        configuration.triggers = [
            .init(kind: .event, pattern: "work.requested", filter: "number >= 500", priority: .critical),
            .init(kind: .event, pattern: "work.requested", priority: .low),
        ]
    }

    static func number(_ call: CallStart) -> Int { (call.request as! Effort).number }
    static func down(_: CallStart) -> CallOutcome { .failure(CallFailure(.transient, code: "down", message: "down")) }
    static func up(_ call: CallStart) -> CallOutcome { .success(Effort.Response(number: number(call))) }

    func send(_ numbers: some Sequence<Int>, _ machine: Machine) throws {
        for number in numbers { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
    }

    /// Six calls, the first of which has failed by now, and the others would succeed.
    func openedByOneOfSix(_ machine: Machine) throws {
        machine.outcome = Self.down
        try send(0..<6, machine)
        turn(machine, times: 20)
        machine.outcome = Self.up
    }

    func turn(_ machine: Machine, times: Int, passing milliseconds: Int64 = 100) {
        for _ in 0..<times {
            machine.step()
            machine.finishCall()
            machine.pass(milliseconds)
        }
    }
}
