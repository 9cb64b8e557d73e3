import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// What cannot be handled or written, and what waits: again later, or a dead letter.
@Suite struct RetryAndDeadLetterTests {
    @Test(arguments: DeliveryMode.allCases) func aTransientRejectionIsTriedAgain(_ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, delivery: delivery)
        try machine.send(Work(name: "a", number: 4, how: "flaky"))
        machine.runDry()
        #expect(try machine.events(WorkDone.self).count == 1)
        let retries = machine.log.records(of: "retry.workbot")
        #expect(retries.map { header("mesh_attempts", of: $0) } == ["1", "2"])
        #expect(retries.allSatisfy { header("mesh_not_before", of: $0) != nil })
        #expect(retries.allSatisfy { header("kafka_dlt-original-topic", of: $0) == "work.requested" })
        #expect(Set(retries.map(\.value)).count == 1, "the value stays byte for byte")
        try machine.send(Work(name: "a", number: 5, how: "plain"))
        machine.runDry()
        #expect(machine.log.records(of: "work.done").map { header("mesh_reordered", of: $0) } == ["1", nil], "what was retried says so")
    }

    @Test(arguments: DeliveryMode.allCases) func inPlaceTheOrderOfAKeyIsKept(_ delivery: DeliveryMode) throws {
        let machine = try Machine(OrderedBot.self, partitions: 1, delivery: delivery)
        for (number, how) in ["flaky", "plain", "hopeless", "plain"].enumerated() {
            try machine.send(Work(name: "a", number: number, how: how))
        }
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == [0, 1, 3])
        #expect(machine.log.records(of: WorkDone.type.name).allSatisfy { header("mesh_reordered", of: $0) == nil })
    }

    @Test func theLastAttemptEndsInTheDeadLettersWithItsHistory() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 4, how: "hopeless"))
        let origin = machine.log.records(of: "work.requested")[0]
        machine.runDry()
        let dead = try #require(machine.dead.first)
        #expect(machine.dead.count == 1)
        #expect(dead.value == origin.value)
        #expect(dead.key == origin.key)
        #expect(origin.headers.allSatisfy { dead.headers.contains($0) })
        #expect(dead.partition == origin.partition % 2)
        #expect(header("kafka_dlt-original-partition", of: dead) == String(origin.partition))
        #expect(header("kafka_dlt-original-offset", of: dead) == String(origin.offset))
        #expect(header("kafka_dlt-original-timestamp", of: dead) == String(origin.timestamp.milliseconds))
        #expect(header("kafka_dlt-original-timestamp-type", of: dead) == "CreateTime")
        #expect(header("kafka_dlt-original-consumer-group", of: dead) == "WorkBot")
        #expect(header("kafka_dlt-exception-fqcn", of: dead) == "botmesh.hopeless")
        #expect(header("kafka_dlt-exception-message", of: dead) == "never")
        #expect(header("mesh_bot", of: dead) == "WorkBot")
        #expect(header("mesh_attempts", of: dead) == "3")
        #expect(header("mesh_redrives", of: dead) == "0")
    }

    @Test func attemptsInPlaceAreCountedAcrossRestarts() throws {
        let machine = try Machine(OrderedBot.self)
        try machine.send(Work(name: "a", number: 4, how: "hopeless"))
        try machine.send(Work(name: "a", number: 5, how: "plain"))
        for _ in 0..<40 {
            machine.step()
        }
        #expect(try machine.events(WorkDone.self).isEmpty, "the lane waits")
        try machine.crash()
        machine.runDry()
        #expect(machine.dead.map { header("mesh_attempts", of: $0) } == ["3"])
        #expect(machine.entries.filter { $0.message.contains("attempt 1 of 3") }.count == 1)
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == [5])
    }

    @Test func whatTheBrokerRefusesBecomesADeadLetterAndAtLastItsDigest() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        machine.runToSettlement()
        let tooLarge = KafkaError(code: 10, name: "MSG_SIZE_TOO_LARGE", message: "too large")
        machine.settle(.refused(tooLarge, item: 0))
        machine.pass(3_000)
        machine.advance()
        machine.settle(.refused(tooLarge, item: 0))
        machine.runDry()
        let dead = try #require(machine.dead.first)
        #expect(header("mesh_error_code", of: dead) == "oversized")
        let value = try JSONValue.parse(dead.value ?? [])
        #expect(value["sha256"]?.string?.count == 64)
        #expect(value["size_bytes"]?.integer ?? 0 > 0)
        #expect(try machine.events(WorkDone.self).isEmpty)
        machine.expectAllCommitted()
    }

    @Test func aDeadLetterThatCannotBeWrittenHoldsTheCommit() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 1, how: "poison"))
        for _ in 0..<100 {
            machine.restore()
            machine.deliver()
            machine.advance()
            machine.settle(.refused(KafkaError(code: 3, name: "UNKNOWN_TOPIC_OR_PART", message: "no mesh.dlq"), item: 0))
            machine.pass(1_000)
        }
        #expect(machine.log.committed.isEmpty)
        #expect(machine.engine.trouble?.message.contains("no mesh.dlq") ?? false)
        machine.runDry()
        #expect(machine.dead.count == 1)
        #expect(machine.engine.trouble == nil)
    }

    @Test func remindersComeOnceAndSurviveARestart() throws {
        let machine = try Machine(CountBot.self)
        for number in 0..<5 { try machine.send(Work(name: "a", number: number, how: "remind")) }
        for _ in 0..<60 {
            machine.step()
        }
        #expect(try machine.events(WorkDone.self).isEmpty)
        try machine.crash()
        machine.runDry()
        try machine.crash()
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.total) == [1, 2, 3, 4, 5])
    }

    /// A reminder that is visible is not set again by the attempts after it, nor by one that a person asks for.
    @Test(arguments: [false, true], DeliveryMode.allCases)
    func whatIsTriedAgainSetsItsRemindersOnce(isInPlace: Bool, _ delivery: DeliveryMode) throws {
        let machine = try isInPlace ? Machine(OrderedBot.self, delivery: delivery) : Machine(WorkBot.self, delivery: delivery)
        machine.outcome = { call in
            call.reference.attempt < 3
                ? .failure(CallFailure(.transient, code: "busy", message: "busy")) : .success(Effort.Response(number: 1))
        }
        try machine.send(Work(name: "a", number: 1, how: "remindAndCall"))
        machine.runDry()
        #expect(machine.started.count == 3)
        let reminders = machine.log.records(of: machine.settings.topics.retry).filter { header("mesh_reminder", of: $0) != nil }
        #expect(reminders.count == 1)
        #expect(try machine.events(WorkDone.self).count == 1)
    }

    /// Also where attempts in place are remembered by the journal alone.
    @Test(arguments: [false, true]) func aDeadLetterSaysWhenItsRecordFailedFirst(isInPlace: Bool) throws {
        let machine = try isInPlace ? Machine(OrderedBot.self) : Machine(WorkBot.self)
        machine.outcome = { _ in .failure(CallFailure(.transient, code: "busy", message: "busy")) }
        try machine.send(Work(name: "a", number: 1, how: "call"))
        for _ in 0..<200 where machine.started.isEmpty || !machine.calls.isEmpty {
            machine.step()
            machine.finishCall()
        }
        let failed = machine.wall
        for _ in 0..<5 { machine.step() }
        machine.pass(60_000)
        try machine.crash()
        machine.runDry()
        #expect(machine.started.count == 3)
        #expect(machine.dead.map { header(RecordHeader.firstFailure, of: $0) } == [String(failed)])
    }

    @Test func aDeadLetterSaysWhichRemindersAreSet() throws {
        let machine = try Machine(WorkBot.self)
        machine.outcome = { _ in .failure(CallFailure(.permanent, code: "no", message: "no")) }
        try machine.send(Work(name: "a", number: 1, how: "remindAndCall"))
        machine.runDry()
        #expect(machine.dead.map { header("mesh_produced", of: $0) } == ["@reminder:1"])
    }

    /// They are written again at its end, and a restart does not take what was moved for what was done.
    @Test(arguments: [false, true]) func waitingRecordsDoNotHoldTheCommitOfARetryPartition(restarts: Bool) throws {
        var limits = Limits()
        limits.carryOnBytes = 150
        let machine = try Machine(WorkBot.self, limits: limits)
        // Every second record waits for an hour; the others are due and finish between them.
        for number in 0..<300 {
            try machine.sendRetry(
                Work(name: "n\(number)", number: number, how: "plain"), id: "id-\(number)", key: "same", origin: Int64(number),
                after: number % 2 == 0 ? 3_600_000 : 0)
        }
        machine.runDry(20_000)
        #expect(try machine.events(WorkDone.self).count == 150)
        #expect(machine.log.committed[TopicPartition("retry.workbot", 0)]?.offset ?? 0 > 100, "the commit has moved on")
        if restarts { try machine.crash() }
        machine.pass(3_600_000)
        machine.runDry(20_000)
        #expect(try machine.events(WorkDone.self).count == 300)
        machine.expectAllCommitted()
    }

    /// As a replay for one bot, or a reminder: nothing was attempted before, and yet others of its key may have passed.
    @Test(arguments: [true, false]) func whateverComesByTheRetryTopicSaysSoInItsResults(isStateful: Bool) throws {
        let machine = try isStateful ? Machine(CountBot.self) : Machine(WorkBot.self)
        let work = Work(name: "a", number: 1, how: "plain")
        try machine.sendRetry(work, id: "once", key: "a", origin: 3)
        try machine.send(Work(name: "a", number: 2, how: "plain"))
        machine.runDry()
        let results = machine.log.records(of: WorkDone.type.name)
        #expect(Set(results.map { header("mesh_reordered", of: $0) }) == ["1", nil] && results.count == 2)
    }
}
