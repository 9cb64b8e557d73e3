import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// A topic that a record must go to and that cannot be written: nothing is committed, and everybody hears of it.
@Suite struct SettleTroubleTests {
    /// What cannot be written for `how`, by topic.
    @Test(arguments: [("poison", "mesh.dlq"), ("hopeless", "retry.workbot")], [DeliveryMode.exactlyOnce, .atLeastOnce])
    func aTopicThatRefusesHoldsTheCommitAndRaisesAnAlarm(_ kind: (how: String, topic: String), _ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, delivery: delivery)
        try machine.send(Work(name: "a", number: 1, how: kind.how))
        try machine.send(Work(name: "a", number: 2, how: "plain"))
        let refused = KafkaError(code: 29, name: "TOPIC_AUTHORIZATION_FAILED", message: "not allowed")
        for _ in 0..<100 {
            machine.restore()
            machine.deliver()
            machine.advance()
            if let batch = machine.settling {
                let place = batch.records.firstIndex { records in records.contains { $0.topic == kind.topic } }
                machine.settle(place.map { .failed(refused, item: $0) } ?? .committed)
            }
            machine.pass(1_000)
        }
        #expect(machine.log.committed.values.allSatisfy { $0.offset == 0 }, "nothing passes what is not settled")
        #expect(machine.log.records(of: kind.topic).isEmpty)
        let trouble = try #require(machine.engine.trouble)
        #expect(trouble.isAlarm)
        #expect(trouble.message.contains(kind.topic) && trouble.message.contains("cannot be written"))
        let alarms = machine.entries.filter { $0.level == .error && $0.message.contains("cannot be written") }
        #expect((2...4).contains(alarms.count), "once in a while, in 100 s: \(alarms.count)")
        #expect(machine.entries.filter { $0.message.contains("nothing of a settlement") }.count == 1)
        machine.runDry()
        #expect(machine.engine.trouble == nil)
        #expect(machine.entries.contains { $0.message.contains("settled again") })
        #expect(machine.dead.count == 1)
        #expect(try machine.events(WorkDone.self).count == 1)
        machine.expectAllCommitted()
    }

    @Test func aShortFailureIsNoAlarm() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 1, how: "plain"))
        machine.runToSettlement()
        machine.settle(.failed(KafkaError(code: -1, name: "_TIMED_OUT", message: "slow", isRetriable: true), item: nil))
        #expect(machine.engine.trouble != nil)
        machine.runDry()
        #expect(machine.engine.trouble == nil)
        #expect(!machine.entries.contains { $0.level == .error })
    }
}
