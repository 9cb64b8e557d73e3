import BotKit
import Envelopes
import MeshTesting
import Testing

@testable import MeshRuntime

/// What was begun once before asks for its place, and for its token, as what is new.
@Suite struct PlaceTests {
    private func machine<B: Bot>(_: B.Type, _ change: (inout BotConfiguration.Constraints) -> Void) throws -> Machine {
        var configuration = BotConfiguration(name: B.contract.name)
        configuration.constraints.maximumConcurrentJobs = 2
        configuration.constraints.breakers.standard = BreakerPolicy(failures: 1_000, pause: .seconds(5))
        change(&configuration.constraints)
        let machine = try Machine(B.self, partitions: 2, configuration: configuration)
        machine.outcome = { call in
            call.reference.attempt < 3
                ? .failure(CallFailure(.transient, code: "busy", message: "busy"))
                : .success(Effort.Response(number: (call.request as! Effort).number))
        }
        return machine
    }

    @Test(arguments: 0..<5) func whatIsTriedAgainInItsPlaceRunsBesideNoMoreThanAllowed(seed: UInt64) throws {
        let machine = try machine(OrderedBot.self) { _ in }
        machine.random = SeededGenerator(seed: seed)
        for number in 0..<50 { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
        var most = 0
        for _ in 0..<6_000 {
            machine.happen()
            if Int.random(in: 0..<4, using: &machine.random) == 0 { machine.finishCall() }
            most = max(most, machine.calls.count)
            #expect(machine.engine.jobsWithCalls <= 2)
        }
        #expect(most == 2)
        machine.runDry()
        #expect(machine.started.count == 150)
        #expect(try machine.events(WorkDone.self).count == 50)
        machine.expectAllCommitted()
    }

    /// New records come without end, and take no place before what is due.
    @Test func newRecordsDoNotStarveWhatIsTriedAgain() throws {
        let machine = try machine(OrderedBot.self) { $0.maximumConcurrentJobs = 1 }
        machine.outcome = { call in
            (call.request as! Effort).number == 0 && call.reference.attempt < 3
                ? .failure(CallFailure(.transient, code: "busy", message: "busy"))
                : .success(Effort.Response(number: (call.request as! Effort).number))
        }
        machine.restoreAll()
        try machine.send(Work(name: "first", number: 0, how: "call"))
        for number in 1..<400 {
            // The place that is free is asked for by a new record first.
            machine.finishCall()
            try machine.send(Work(name: "n\(number)", number: number, how: "call"))
            machine.deliver()
            machine.advance()
            machine.settle()
            machine.pass(100)
        }
        #expect(try machine.events(WorkDone.self).contains { $0.payload.number == 0 })
    }

    @Test func whatIsTriedAgainInItsPlaceKeepsToTheRate() throws {
        let machine = try machine(OrderedBot.self) {
            $0.maximumConcurrentJobs = 50
            $0.rateLimit = .init(requestsPerMinute: 60, burstSize: 5)
        }
        for number in 0..<20 { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
        var starts: [Int64] = []
        for _ in 0..<1_200 {
            machine.step()
            machine.finishCall()
            machine.pass(100)
            while starts.count < machine.started.count { starts.append(machine.uptime) }
        }
        #expect(starts.count == 60)
        for (count, time) in starts.enumerated() { #expect(Int64(count) <= 5 + time / 1_000) }
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 20)
    }

    /// Copies of records in other partitions wait behind these; they fail and go, and the copies begin beside what has taken their places.
    @Test(arguments: 0..<5) func whatWaitedForItsTwinRunsBesideNoMoreThanAllowed(seed: UInt64) throws {
        let machine = try machine(WorkBot.self) { _ in }
        machine.random = SeededGenerator(seed: seed)
        let keys = (0..<20).map { "key-\($0)" }
        for number in 0..<40 {
            let work = Work(name: "n\(number)", number: number, how: "call")
            for key in keys.shuffled(using: &machine.random).prefix(3) { try machine.send(work, id: "id-\(number)", key: key) }
        }
        for _ in 0..<8_000 {
            machine.happen()
            #expect(machine.engine.jobsWithCalls <= 2)
        }
        machine.runDry()
        #expect(Set(try machine.events(WorkDone.self).map(\.payload.number)).count == 40)
        #expect(machine.engine.parked == 0 && machine.engine.waitingBytes == 0 && machine.engine.inProgress.isEmpty)
        machine.expectAllCommitted()
    }
}
