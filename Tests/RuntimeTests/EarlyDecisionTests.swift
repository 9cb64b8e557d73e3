import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// What a bot decides on the decoding thread, before its record's turn.
@Suite struct EarlyDecisionTests {
    /// A decision that is made before the record's turn counts for a second; a record that waited longer is handled when its turn comes.
    @Test(arguments: [(0, 0), (999, 0), (1_000, 1_000)]) func anEarlyDecisionHoldsForASecond(wait: Int64, told: Int64) throws {
        let machine = try Machine(PromptBot.self, partitions: 1)
        machine.restoreAll()
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        let record = try #require(machine.log.record(at: 0, of: TopicPartition(Work.type.name, 0)))
        let start = machine.wall
        let incoming = machine.engine.decoder.decode(record, at: machine.moment)
        machine.pass(wait)
        machine.engine.take(incoming, at: machine.moment)
        machine.advance()
        machine.settle()
        #expect(try machine.events(WorkDone.self).map(\.envelope.timestamp.milliseconds) == [start + told])
    }

    /// Whether it was decided early does not show: records, ids, headers and notifications are the same.
    @Test(arguments: ["plain", "call", "flaky", "hopeless", "poison", "remind"], [false, true])
    func itIsWhatIsDecidedLate(how: String, isPutBack: Bool) throws {
        let early = try outcome(of: how, isPutBack: isPutBack, isEarly: true)
        let late = try outcome(of: how, isPutBack: isPutBack, isEarly: false)
        #expect(!early.isEmpty)
        #expect(early == late)
    }

    /// The thread that decoded a record frees it: by then the engine has nothing of it any more.
    @Test func whatIsFinishedIsHandedOverWhole() throws {
        let machine = try Machine(PromptBot.self)
        machine.restoreAll()
        for number in 0..<16 {
            try machine.send(Work(name: "a", number: number, how: number % 8 == 7 ? "poison" : "plain"))
        }
        machine.runDry()
        #expect(machine.handedOver == 16)
        #expect(machine.stillHeld == 0)
    }

    /// All that became visible of one input after its first attempt.
    private func outcome(of how: String, isPutBack: Bool, isEarly: Bool) throws -> [Record] {
        var configuration = BotConfiguration(name: "PromptBot")
        configuration.notifications = [
            .init(event: WorkDone.type, channels: ["slack"], severity: .warning, template: "{{name}} did ${number}")
        ]
        let machine = try Machine(PromptBot.self, partitions: 1, configuration: configuration)
        machine.restoreAll()
        try machine.send(Work(name: "a", number: 1, how: how))
        var record = try #require(machine.log.record(at: 0, of: TopicPartition(Work.type.name, 0)))
        if isPutBack { record = putBack(record) }
        if isEarly { machine.pass(2_000) }
        let incoming = machine.engine.decoder.decode(record, at: machine.moment)
        #expect(try incoming.content.get().decision?.handled != nil)
        // By then it does not hold any more.
        if !isEarly { machine.pass(2_000) }
        machine.engine.take(incoming, at: machine.moment)
        machine.advance()
        machine.settle()
        let topics = machine.settings.topics
        let visible = [
            WorkStarted.type.name, WorkDone.type.name, NotificationRequested.type.name, "bot.error", topics.retry, topics.deadLetters,
        ]
        return visible.flatMap { machine.log.records(of: $0) }
    }

    /// As a person puts one back on the event's own topic.
    private func putBack(_ record: Record) -> Record {
        var headers = record.headers
        headers.append(Header(RecordHeader.redrives, text: "1"))
        return Record(
            topicPartition: record.topicPartition, offset: record.offset, key: record.key, value: record.value, headers: headers,
            timestamp: record.timestamp)
    }

    @Test func theResultOfOneThatWasPutBackSaysSo() throws {
        let results = try outcome(of: "plain", isPutBack: true, isEarly: true).filter { $0.topic == WorkDone.type.name }
        #expect(results.map { $0.headers.contains { $0.name == "mesh_reordered" } } == [true])
        let others = try outcome(of: "plain", isPutBack: false, isEarly: true).filter { $0.topic == WorkDone.type.name }
        #expect(others.map { $0.headers.contains { $0.name == "mesh_reordered" } } == [false])
    }

    /// The first attempt is decided early; those after it are not.
    @Test func whatFailsInItsPlaceIsTriedThere() throws {
        let machine = try Machine(PromptInPlaceBot.self, partitions: 1)
        for (number, how) in ["flaky", "plain"].enumerated() { try machine.send(Work(name: "a", number: number, how: how)) }
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.number) == [0, 1])
        #expect(machine.log.records(of: machine.settings.topics.retry).isEmpty && machine.dead.isEmpty)
    }

    /// What was decided of a copy in vain leaves nothing behind.
    @Test func aCopyIsDecidedInVain() throws {
        let machine = try Machine(PromptBot.self, partitions: 1)
        for _ in 0..<2 { try machine.send(Work(name: "a", number: 1, how: "call")) }
        machine.runDry()
        #expect(try machine.events(WorkStarted.self).count == 1)
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }
}
