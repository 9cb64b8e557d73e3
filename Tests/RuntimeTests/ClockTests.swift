import BotKit
import Envelopes
import Testing

@testable import MeshRuntime

/// Wall clocks that step: an hour forward, and back again.
@Suite struct ClockTests {
    private static let hour: Int64 = 3_600_000

    private func turn(_ machine: Machine, for milliseconds: Int64) {
        for _ in 0..<milliseconds / 100 {
            machine.step()
            machine.pass(100)
        }
    }

    @Test(arguments: [-hour, hour]) func whatIsTriedAgainInItsPlaceWaitsNoLonger(step: Int64) throws {
        let machine = try Machine(OrderedBot.self)
        try machine.send(Work(name: "a", number: 1, how: "flaky"))
        turn(machine, for: 800)
        #expect(machine.engine.again.count == 1)
        machine.wall += step
        turn(machine, for: 10_000)
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    /// Its time was written by a clock that was ahead, or the clock goes back while it waits.
    @Test(arguments: [true, false]) func whatWaitsInTheRetryTopicWaitsNoLonger(isRead: Bool) throws {
        let machine = try Machine(WorkBot.self)
        machine.wall += Self.hour
        try machine.send(Work(name: "a", number: 1, how: "flaky"))
        for _ in 0..<400 where machine.log.records(of: "retry.workbot").isEmpty || isRead && machine.engine.schedule.isEmpty {
            machine.step()
        }
        #expect(machine.engine.schedule.count == (isRead ? 1 : 0))
        machine.wall -= Self.hour
        // Two waits, of ten seconds at most each.
        turn(machine, for: 21_000)
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    /// An hour ahead it is due at once.
    @Test(arguments: [true, false]) func whatWaitsInTheRetryTopicComesByItsOwnersClock(isAhead: Bool) throws {
        let machine = try Machine(WorkBot.self)
        machine.restoreAll()
        try machine.sendRetry(Work(name: "a", number: 1, how: "plain"), id: "a", key: "a", origin: 1, after: 9_000)
        if isAhead { machine.wall += Self.hour }
        turn(machine, for: 2_000)
        #expect(try machine.events(WorkDone.self).count == (isAhead ? 1 : 0))
        turn(machine, for: 68_000)
        #expect(try machine.events(WorkDone.self).count == 1)
    }

    /// A reminder is for an hour of the day, whatever the clock said meanwhile.
    @Test func aReminderComesAtItsTimeByTheClock() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 1, how: "remind"))
        turn(machine, for: 5_000)
        machine.wall -= 60_000
        turn(machine, for: 60_000)
        #expect(try machine.events(WorkDone.self).isEmpty)
        turn(machine, for: 30_000)
        #expect(try machine.events(WorkDone.self).count == 1)
        // An hour that is over at once is noticed within a minute.
        try machine.send(Work(name: "a", number: 2, how: "remind"))
        try machine.sendRetry(Work(name: "b", number: 3, how: "plain"), id: "b", key: "b", origin: 3, after: Self.hour)
        turn(machine, for: 5_000)
        machine.wall += Self.hour
        turn(machine, for: 61_000)
        #expect(try machine.events(WorkDone.self).count == 3)
    }

    @Test func aScheduleGoesOnWhenTheClockIsSetBack() throws {
        let machine = try Machine(
            WorkBot.self, configuration: configuration { $0.triggers = [.init(kind: .schedule, pattern: "* * * * *")] })
        turn(machine, for: 130_000)
        machine.wall += Self.hour
        turn(machine, for: 130_000)
        machine.wall -= Self.hour
        let start = machine.wall
        turn(machine, for: 130_000)
        let fired = try machine.events(ScheduleFired.self).map(\.payload.firedAt)
        let due = (start / 60_000 + 1...machine.wall / 60_000).map { Timestamp(milliseconds: $0 * 60_000).text }
        #expect(due.count >= 2 && Set(due).isSubset(of: fired))
        #expect(Set(fired).count == fired.count, "none twice")
        // When its hour comes, what was fired before is not fired again.
        machine.pass(Self.hour - 400_000)
        turn(machine, for: 400_000)
        let all = try machine.events(ScheduleFired.self).map(\.payload.firedAt)
        #expect(all.count > fired.count && Set(all).count == all.count)
    }
}
