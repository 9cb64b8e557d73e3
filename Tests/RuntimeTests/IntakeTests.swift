import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// How records are taken in: duplicates, replays, garbage, filters, ticks, and what is bounded.
@Suite struct IntakeTests {
    @Test(arguments: DeliveryMode.allCases) func aDuplicateIsHandledOnceAlsoAfterARestart(_ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, delivery: delivery)
        let work = Work(name: "a", number: 1, how: "plain")
        try machine.send(work)
        try machine.send(work)
        machine.runDry()
        try machine.crash()
        try machine.send(work)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    /// What is repeated is remembered from where it came last: as a bot that wakes up late repeats what its successor has repeated already.
    @Test func aRepeatOfARepeatIsDroppedToo() throws {
        var limits = Limits()
        limits.dedupWindow = 10
        let machine = try Machine(WorkBot.self, partitions: 1, limits: limits)
        for round in 0..<4 {
            try machine.send(Work(name: "again", number: 0, how: "plain"))
            for number in 1...7 { try machine.send(Work(name: "n\(round)", number: 10 * round + number, how: "plain")) }
            machine.runDry()
        }
        #expect(try machine.events(WorkDone.self).count == 1 + 4 * 7)
        machine.expectAllCommitted()
    }

    @Test func aReplayIsHandledAgainAndTheSameReplayOnce() throws {
        let machine = try Machine(WorkBot.self)
        let work = Work(name: "a", number: 1, how: "plain")
        try machine.send(work)
        for _ in 0..<2 { try machine.send(work, replay: "monday") }
        try machine.send(work, replay: "tuesday")
        machine.runDry()
        let done = try machine.events(WorkDone.self)
        #expect(done.count == 3)
        #expect(Set(done.map(\.envelope.id)).count == 3, "a replay is part of the derived ids")
        #expect(done.compactMap(\.envelope.replay).sorted() == ["monday", "tuesday"])
    }

    @Test func garbageIsDeadLetteredAndTheRecordsBehindItGoOn() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        let garbage: [[UInt8]?] = [
            nil, [], Array("{".utf8), [0xff, 0xfe], Array("{\"payload\":1}".utf8), Array("[]".utf8), Array(repeating: 0x5b, count: 5_000),
        ]
        for value in garbage {
            machine.log.append(OutgoingRecord(topic: Work.type.name, key: [1], value: value, headers: [Header("x", nil)]))
        }
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        machine.runDry()
        #expect(machine.dead.count == garbage.count)
        #expect(try machine.events(WorkDone.self).count == 1)
        for record in machine.dead {
            #expect(garbage.contains(record.value))
            #expect(record.key == [1])
            #expect(record.headers.contains(Header("x", nil)))
            #expect(header("mesh_error_code", of: record) != nil)
            #expect(header("kafka_dlt-original-topic", of: record) == Work.type.name)
        }
        #expect(machine.log.records(of: "bot.error").count == garbage.count)
    }

    @Test(arguments: [false, true]) func anExpiredEventIsDeadLettered(isEarly: Bool) throws {
        let machine = isEarly ? try Machine(PromptBot.self) : try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 1, how: "plain"), timeToLive: .seconds(10))
        machine.pass(11_000)
        machine.runDry()
        #expect(machine.dead.map { header("mesh_error_code", of: $0) } == ["expired"])
    }

    @Test(arguments: [false, true]) func aFilterChoosesAndPausesHold(isEarly: Bool) throws {
        func chosen(_ name: String) -> BotConfiguration {
            BotConfiguration(
                name: name, triggers: [.init(kind: .event, pattern: "work.*", filter: "number > 5", priority: .high)])
        }
        let machine =
            isEarly
            ? try Machine(PromptBot.self, configuration: chosen("PromptBot")) : try Machine(WorkBot.self, configuration: chosen("WorkBot"))
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        try machine.send(Work(name: "a", number: 9, how: "plain"))
        machine.engine.setPaused(true)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).isEmpty)
        machine.engine.setPaused(false)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == [9])
        #expect(try machine.events(WorkDone.self).map(\.envelope.priority) == [.medium], "the trigger's priority is this bot's alone")
        machine.expectAllCommitted()
    }

    @Test func fullLanesPauseThePartitionsAndNothingIsLost() throws {
        var limits = Limits()
        limits.waitingRecords = 5
        limits.holdBack = 0
        let machine = try Machine(WorkBot.self, configuration: configuration { $0.constraints.maximumConcurrentJobs = 1 }, limits: limits)
        for number in 0..<200 { try machine.send(Work(name: "n\(number)", number: number, how: number % 2 == 0 ? "call" : "plain")) }
        var most = 0
        for _ in 0..<4_000 {
            machine.happen()
            most = max(most, machine.engine.lanes.count)
        }
        machine.runDry()
        #expect(most < 5 + 20)
        #expect(try machine.events(WorkDone.self).count == 200)
    }

    @Test func theRateAndTheNumberOfRunsAreBounded() throws {
        let machine = try Machine(
            WorkBot.self,
            configuration: configuration {
                $0.constraints.maximumConcurrentJobs = 2
                $0.constraints.rateLimit = .init(requestsPerMinute: 60, burstSize: 3)
            })
        for number in 0..<10 { try machine.send(Work(name: "n\(number)", number: number, how: "call")) }
        for _ in 0..<40 {
            machine.step()
        }
        #expect(machine.calls.count == 2)
        for _ in 0..<20 {
            machine.finishCall()
            machine.advance()
            machine.settle()
        }
        #expect(machine.started.count == 3, "the burst is spent and no time has passed")
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 10)
    }

    /// However often it is looked whether there is a token, the records keep their turns.
    @Test func aRateLimitKeepsTheOrderInWhichRecordsCame() throws {
        let machine = try Machine(
            WorkBot.self, partitions: 1,
            configuration: configuration { $0.constraints.rateLimit = .init(requestsPerMinute: 60, burstSize: 1) })
        machine.restoreAll()
        for number in 0..<12 { try machine.send(Work(name: "n\(number)", number: number, how: "plain")) }
        while machine.deliver() != nil {}
        for _ in 0..<12 {
            for _ in 0..<7 { machine.advance() }
            machine.settle()
            machine.pass(1_000)
        }
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == Array(0..<12))
    }

    @Test func aScheduleFiresOncePerTick() throws {
        let machine = try Machine(
            WorkBot.self, configuration: configuration { $0.triggers = [.init(kind: .schedule, pattern: "* * * * *")] })
        machine.runDry()
        for _ in 0..<5 {
            machine.pass(20_000)
            machine.runDry()
            try machine.crash()
        }
        machine.runDry()
        let fired = try machine.events(ScheduleFired.self)
        #expect(fired.count >= 3)
        #expect(Set(fired.map(\.payload.firedAt)).count == fired.count, "one record a tick, whoever was the owner")
    }

    /// Nothing was ever read of its partition: whoever has lost that must not fire there all the same.
    @Test func theFirstTickCarriesItsPartitionsOffset() throws {
        let machine = try Machine(
            WorkBot.self, configuration: configuration { $0.triggers = [.init(kind: .schedule, pattern: "* * * * *")] })
        machine.restoreAll()
        machine.pass(Ticker.patience)
        machine.advance()
        let batch = try #require(machine.settling)
        #expect(batch.offsets.map(\.key.topic) == [ScheduleFired.type.name] && batch.offsets.values.map(\.offset) == [0])
    }

    /// As after an outage of the broker that was longer than the session.
    @Test func aTickThatWasLostWithItsPartitionIsFiredByWhoHasThatNext() throws {
        let machine = try Machine(
            WorkBot.self, configuration: configuration { $0.triggers = [.init(kind: .schedule, pattern: "* * * * *")] })
        machine.runDry()
        machine.pass(60_000)
        machine.advance()
        #expect(machine.settling != nil)
        let before = Set(try machine.events(ScheduleFired.self).map(\.payload.firedAt))
        let partitions = machine.inputs.filter { $0.topic == ScheduleFired.type.name }
        machine.giveUp(partitions)
        machine.settle(.failed(KafkaError(code: -1, name: "_TEST", message: "a test", isRetriable: true)))
        machine.own(partitions)
        for _ in 0..<20 {
            machine.step()
            machine.pass(200)
        }
        let fired = try machine.events(ScheduleFired.self).map(\.payload.firedAt)
        #expect(Set(fired).subtracting(before).count == 1 && Set(fired).count == fired.count)
    }

    /// The times of all ticks, when those have fired that are due to a new owner.
    private func fire(_ machine: Machine) throws -> [String] {
        machine.pass(Ticker.patience)
        machine.advance()
        machine.settle()
        return try machine.events(ScheduleFired.self).map(\.payload.firedAt)
    }

    /// Its partition may be paused, or behind: they stand in the log all the same.
    @Test(arguments: DeliveryMode.allCases) func ticksThatANewOwnerHasNotReadYetAreNotFiredAgain(_ delivery: DeliveryMode) throws {
        let machine = try Machine(
            WorkBot.self, delivery: delivery, configuration: configuration { $0.triggers = [.init(kind: .schedule, pattern: "* * * * *")] })
        machine.restoreAll()
        let before = try fire(machine)
        #expect(before.count >= 2)
        try machine.crash()
        machine.restoreAll()
        let fired = try fire(machine)
        #expect(Set(fired).count == fired.count && Set(before).isSubset(of: fired), "\(fired)")
    }

    /// Only the home partition is a matter of ticks.
    @Test func ticksAreNotFiredAgainWhereAnotherPartitionOfTheirTopicComesBack() throws {
        let machine = try Machine(
            WorkBot.self, configuration: configuration { $0.triggers = [.init(kind: .schedule, pattern: "* * * * *")] })
        machine.restoreAll()
        let before = try fire(machine)
        #expect(before.count >= 2)
        let home = try #require(machine.engine.ticker.home)
        let others = machine.inputs.filter { $0.topic == home.topic && $0 != home }
        #expect(!others.isEmpty)
        machine.giveUp(others)
        machine.own(others)
        machine.restoreAll()
        let fired = try fire(machine)
        #expect(Set(fired).count == fired.count && Set(before).isSubset(of: fired), "\(fired)")
    }

    @Test func ticksOfALongPauseAreNotMadeUpFor() throws {
        let machine = try Machine(
            WorkBot.self, configuration: configuration { $0.triggers = [.init(kind: .schedule, pattern: "* * * * *")] })
        machine.runDry()
        let before = try machine.events(ScheduleFired.self).count
        machine.engine.setPaused(true)
        machine.pass(86_400_000)
        machine.advance()
        machine.engine.setPaused(false)
        for _ in 0..<10 {
            machine.step()
        }
        #expect((1...3).contains(try machine.events(ScheduleFired.self).count - before), "those of the last two minutes")
    }
}
