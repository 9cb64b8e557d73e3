import BotKit
import Envelopes
import Testing

@testable import MeshRuntime

@Suite struct RoutesTests {
    private func routes(_ triggers: [BotConfiguration.Trigger], consumes: [EventType] = ["build.*", "schedule.fired"]) throws -> Routes {
        try Routes(
            contract: Contract(name: "MyBot", summary: "", consumes: consumes, produces: []),
            configuration: BotConfiguration(name: "MyBot", triggers: triggers))
    }

    private func priority(_ routes: Routes, _ type: EventType, _ payload: JSONValue) throws -> Priority? {
        let envelope = Envelope(
            id: try #require(EventID("e")), timestamp: Timestamp(milliseconds: 0), source: "t", type: type, payload: payload.bytes)
        return try routes.priority(of: envelope) { payload }
    }

    private func fired(_ schedule: String, bot: String = "MyBot") -> JSONValue {
        .object(["bot": .string(bot), "schedule": .string(schedule), "fired_at": .string("2026-01-01T00:00:00Z")])
    }

    @Test func schedulesAndManualTriggersComeAsOneEvent() throws {
        let routes = try routes([
            .init(kind: .schedule, pattern: "0 * * * *", priority: .low), .init(kind: .manual, pattern: "now", priority: .high),
            .init(kind: .event, pattern: "build.completed", filter: "ok"),
        ])
        #expect(try priority(routes, "schedule.fired", fired("now")) == .high)
        #expect(try priority(routes, "schedule.fired", fired("0 * * * *")) == .low)
        #expect(try priority(routes, "schedule.fired", fired("later")) == nil)
        #expect(try priority(routes, "schedule.fired", fired("now", bot: "Other")) == nil)
        #expect(try priority(routes, "build.completed", .object(["ok": .bool(true)])) == .medium)
        #expect(try priority(routes, "build.completed", .object([:])) == nil)
        #expect(routes.schedules.map(\.pattern) == ["0 * * * *"])
        let contract = Contract(name: "MyBot", summary: "", consumes: ["build.*", "schedule.fired"], produces: [])
        #expect(routes.topics(known: ["build.completed", "build.failed"], contract: contract) == ["build.completed", "schedule.fired"])
    }

    @Test func aBotThatDoesNotConsumeSchedulesIsNotFired() throws {
        let triggers: [BotConfiguration.Trigger] = [.init(kind: .schedule, pattern: "* * * * *"), .init(kind: .manual, pattern: "now")]
        let routes = try routes(triggers, consumes: ["build.*"])
        #expect(routes.schedules.isEmpty)
        #expect(routes.topics(known: [], contract: Contract(name: "MyBot", summary: "", consumes: ["build.*"], produces: [])).isEmpty)
    }
}
