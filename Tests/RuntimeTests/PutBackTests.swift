import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// A dead letter that a person puts back, as `mesh dlq redrive` writes it: on the bot's retry topic, without what speaks of the failure.
@Suite struct PutBackTests {
    private static let spoken: Set = [
        RecordHeader.exceptionName, RecordHeader.exceptionMessage, RecordHeader.exceptionTrace, RecordHeader.bot, RecordHeader.attempts,
        RecordHeader.errorCode, RecordHeader.redrives,
    ]

    private func putBack(_ letter: Record, on machine: Machine) {
        var headers = letter.headers.filter { !Self.spoken.contains($0.name) }
        headers.append(Header(RecordHeader.redrives, text: "1"))
        headers.append(Header(RecordHeader.key, letter.key))
        machine.log.append(
            OutgoingRecord(topic: machine.settings.topics.retry, key: letter.key, value: letter.value, headers: Headers(headers)))
        machine.runDry()
    }

    @Test func itGoesOnWhereItStoodAndIsHandledOnce() throws {
        let machine = try Machine(WorkBot.self)
        machine.outcome = { _ in .failure(CallFailure(.permanent, code: "no-luck", message: "no luck")) }
        try machine.send(Work(name: "a", number: 7, how: "call"))
        machine.runDry()
        let letter = try #require(machine.dead.first)
        #expect(try machine.events(WorkStarted.self).count == 1, "what the run had made visible before it failed")

        machine.outcome = { .success(Effort.Response(number: ($0.request as! Effort).number)) }
        putBack(letter, on: machine)
        #expect(try machine.events(WorkDone.self).count == 1)
        #expect(try machine.events(WorkStarted.self).count == 1, "it is not made visible a second time")
        #expect(machine.dead.count == 1)

        putBack(letter, on: machine)
        #expect(try machine.events(WorkDone.self).count == 1, "a repeat is swallowed")
    }

    /// At-least-once, of two results one was refused for good; those that stand behind it may be made twice.
    @Test(arguments: [0, 1]) func whatWasMissingIsMadeWhenItIsPutBack(_ missing: Int) throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: .atLeastOnce)
        try machine.send(Work(name: "a", number: 1, how: "twice"))
        machine.runToSettlement()
        let tooLarge = KafkaError(code: 10, name: "MSG_SIZE_TOO_LARGE", message: "too large")
        machine.settle(.refused(tooLarge, item: 0, delivered: [0: [1 - missing]]))
        machine.runDry()
        putBack(try #require(machine.dead.first), on: machine)
        let done = try machine.events(WorkDone.self)
        #expect(Set(done.map(\.envelope.id)).count == 2 && done.count == (missing == 0 ? 3 : 2), "\(done.map(\.envelope.id))")
    }

    /// Without its mark a replay would act for real when it is put back.
    @Test func whatTellsAReplayAndAnEventIsKeptBesideLargeHeaders() {
        func kept(_ headers: [Header]) -> [String] {
            let record = Record(
                topicPartition: TopicPartition("work.requested", 0), offset: 7, key: nil, value: [1], headers: Headers(headers))
            let letter = DeadLetters(settings: RuntimeSettings(bot: "WorkBot"), version: "1.0.0", partitions: 2).record(
                for: record, Passport(record, isOwnTopic: false), id: EventID("e"), failure: Failure(code: "c", message: "m"), attempts: 1,
                at: Timestamp(milliseconds: 1))
            let names = Set(headers.map(\.name))
            return letter.headers.map(\.name).filter(names.contains)
        }
        func header(_ name: String, _ bytes: Int) -> Header { Header(name, [UInt8](repeating: 1, count: bytes)) }
        let needed = ["content-type", "ce_specversion", "traceparent", "ce_id", "mesh_replay"]
        let small = needed.map { header($0, 36) }
        #expect(kept([header("x", 70 << 10)] + small) == needed, "one that has no room takes no other along")
        #expect(kept([header("x", 40 << 10), header("y", 30 << 10)] + small + [header("z", 9)]) == ["x"] + needed + ["z"])
        #expect(kept((0..<70).map { header("x\($0)", 1 << 10) } + small).suffix(5) == needed)
        #expect(kept((0..<70).map { header("ce_x\($0)", 1 << 10) } + [header("mesh_replay", 36)]).last == "mesh_replay")
        #expect(kept((0..<70).map { header("mesh_replay", 1 << 10 + $0) }).count == 61, "these have a limit too")
    }

    /// What could not be produced was not visible, whatever came of the attempt.
    @Test(arguments: [true, false]) func whatCouldNotBeProducedIsProducedOnceItCan(isEarly: Bool) throws {
        var limits = Limits()
        limits.recordBytes = 2_000
        let machine = isEarly ? try Machine(PromptBot.self, limits: limits) : try Machine(WorkBot.self, limits: limits)
        try machine.send(Work(name: String(repeating: "n", count: 2_000), number: 7, how: "plain"), id: "long-7")
        machine.runDry()
        #expect(try machine.events(WorkDone.self).isEmpty)
        let letter = try #require(machine.dead.first)
        #expect(letter.headers.contains { $0.name == RecordHeader.errorCode && $0.value == Array("output-too-large".utf8) })

        machine.settings.limits.recordBytes = 1_000_000
        try machine.crash()
        putBack(letter, on: machine)
        #expect(try machine.events(WorkDone.self).count == 1)
    }

    @Test func whatFailsAgainCountsItsRedrives() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 7, how: "poison"))
        machine.runDry()
        putBack(try #require(machine.dead.first), on: machine)
        try #require(machine.dead.count == 2)
        let (first, second) = (machine.dead[0], machine.dead[1])
        func text(_ name: String, _ record: Record) -> String? {
            record.headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(text(RecordHeader.redrives, second) == "1")
        #expect(text(RecordHeader.attempts, second) == "1", "attempts begin again")
        for name in [RecordHeader.originTopic, RecordHeader.originOffset, RecordHeader.firstFailure, "ce_id"] {
            #expect(text(name, second) == text(name, first), "\(name)")
        }
        #expect(second.value == first.value && second.key == first.key)
    }
}
