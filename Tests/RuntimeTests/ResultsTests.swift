import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// What results carry beside their payload, and what goes out with them.
@Suite struct ResultsTests {
    @Test func aRuleOfTheConfigurationNotifies() throws {
        let machine = try Machine(
            WorkBot.self,
            configuration: configuration {
                $0.notifications = [
                    .init(event: WorkDone.type, channels: ["slack"], severity: .warning, template: "{{name}} did ${number}")
                ]
            })
        try machine.send(Work(name: "a", number: 7, how: "plain"))
        machine.runDry()
        let requested = try machine.events(NotificationRequested.self)
        #expect(requested.map(\.payload.text) == ["a did 7"])
        #expect(requested.map(\.payload.channels) == [["slack"]])
        #expect(requested.first?.envelope.causationID == (try machine.events(WorkDone.self)).first?.envelope.id.text)
    }

    /// What a rule makes of an event, and what the bot itself asks for when it consumes that event, are two notifications.
    @Test func aRuleAndTheBotItselfNotifyWithDifferentIDs() throws {
        for replay in [nil, "r1"] {
            let machine = try Machine(
                WorkBot.self,
                configuration: configuration {
                    $0.notifications = [.init(event: WorkDone.type, channels: ["slack"], severity: .warning, template: nil)]
                })
            try machine.send(Work(name: "a", number: 7, how: "plain"), replay: replay)
            machine.runDry()
            let done = try #require(try machine.events(WorkDone.self).first?.envelope)
            let record = try #require(machine.log.records(of: NotificationRequested.type.name).first)
            func own(_ cause: EventID, replay: String? = nil) -> EventID {
                .derived(causation: cause, bot: "WorkBot", type: NotificationRequested.type, ordinal: 0, replay: replay)
            }
            #expect(try machine.events(NotificationRequested.self).first?.envelope.id != own(done.id, replay: replay))
            let original = header(ReplayHeader.originalID, of: record)
            #expect((original == nil) == (replay == nil))
            let first = EventID.derived(causation: try #require(EventID("a-7")), bot: "WorkBot", type: WorkDone.type, ordinal: 0)
            #expect(original != own(first).text)
        }
    }

    /// A value of as many bytes as a bot reads goes out, one of a byte more does not.
    @Test func anEventIsNoLargerThanABotReads() throws {
        let codec = MeshCodec(catalogue: EventCatalogue(), topics: TopicNames(bot: "test"))
        func event(padding: Int) throws -> Envelope {
            Envelope(
                id: try #require(EventID("e")), timestamp: Timestamp(milliseconds: 0), source: "test", type: Work.type,
                payload: Array(#"{"a":"\#(String(repeating: "x", count: padding))"}"#.utf8))
        }
        let most = EnvelopeLimits().maximumBytes
        let padding = most - EnvelopeCodec().value(of: try event(padding: 0)).count
        #expect(try codec.outgoing(try event(padding: padding), key: nil).record.value?.count == most)
        let refusal = #expect(throws: Rejection.self) { try codec.outgoing(try event(padding: padding + 1), key: nil) }
        #expect(refusal?.code == "output-too-large")
    }

    @Test func aTraceIsCarriedOn() throws {
        let machine = try Machine(WorkBot.self)
        let trace = TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        try machine.send(Work(name: "a", number: 7, how: "plain"), trace: trace)
        machine.runDry()
        let child = try #require(try machine.events(WorkDone.self).first?.envelope.trace?.traceparent)
        #expect(child.hasPrefix("00-0af7651916cd43dd8448eb211c80319c-"))
        #expect(child.hasSuffix("-01"))
        #expect(child.utf8.count == trace.traceparent.utf8.count)
        #expect(child != trace.traceparent)
    }
}
