import BotKit
import Envelopes
import Testing

@testable import Bots

@Suite struct CustomBotTests {
    private typealias Action = BotConfiguration.Action
    private let context = Context(now: Timestamp(milliseconds: 1_000_000), runID: "run-1")

    private func event(_ payload: String = #"{"branch":"a b; rm -rf /","commit":"c1","tags":["x"],"count":3,"repository":"file:///r"}"#)
        throws -> Event
    {
        Event(
            envelope: Envelope(
                id: try #require(EventID("e1")), timestamp: Timestamp(milliseconds: 0), source: "test", type: "build.completed",
                payload: Array(payload.utf8)),
            key: "k")
    }

    private func bot(_ actions: [Action], retry: RetryPolicy? = nil, permissions: [Permission]? = nil) throws -> CustomBot {
        var configuration = BotConfiguration(
            name: "MyBot", triggers: [.init(kind: .event, pattern: "build.*"), .init(kind: .schedule, pattern: "* * * * *")],
            actions: actions,
            constraints: .init(timeout: .seconds(100), retry: retry), permissions: permissions)
        configuration.environment = ["TOKEN": "s3"]
        return try CustomBot(configuration: configuration)
    }

    private func handle(_ bot: CustomBot, _ input: Input<CustomCall>) throws -> [Effect<CustomOutput, CustomCall>] {
        var state: Never?
        return try bot.handle(input, state: &state, context: context)
    }

    private func call(_ effects: [Effect<CustomOutput, CustomCall>]) throws -> CustomCall {
        guard case .perform(let call)? = effects.last else { throw Unexpected() }
        return call
    }
    private func outputs(_ effects: [Effect<CustomOutput, CustomCall>]) -> [CustomOutput] {
        effects.compactMap { if case .produce(let output) = $0 { output } else { nil } }
    }
    private struct Unexpected: Error {}

    private func ended(_ status: Int, stdout: String = "") -> CallOutcome {
        .success(
            Execute.Response(
                exitStatus: status, isSuccess: status == 0, reason: "exit status \(status)", stdout: stdout, stderr: "", output: stdout,
                durationSeconds: 1))
    }

    @Test func aRunFromCommandToMessage() throws {
        let bot = try bot([
            Action(
                name: "check", type: "execute", command: "sh -c 'test \"${branch}\"' ${commit} ${env.TOKEN}",
                parameters: .object(["environment": .object(["COUNT": .string("${count}")])]), timeout: .seconds(7), onSuccess: "tell",
                onFailure: "warn"),
            Action(
                name: "tell", type: "message",
                parameters: .object([
                    "event": .string("docs.updated"), "key": .string("${commit}"), "priority": .string("high"),
                    "payload": .object([
                        "text": .string("said ${check.stdout}"), "tags": .string("${tags}"), "none": .string("${missing}"),
                        "status": .string("${check.exit_status}"),
                    ]),
                ])),
            Action(
                name: "warn", type: "message", command: "send_notification",
                parameters: .object([
                    "title": .string("Bad ${commit}"), "text": .string("${check.failure}"), "severity": .string("critical"),
                    "channels": .array([.string("slack")]),
                ])),
        ])
        #expect(bot.contract.consumes == ["build.*", "schedule.fired"])
        #expect(bot.contract.produces == ["docs.updated", "notification.requested"])
        #expect(bot.contract.calls == ["execute"])
        let event = try event()
        let begun = try handle(bot, .event(event))
        #expect(begun.count == 1)
        let first = try call(begun)
        guard case .execute(let request, let run) = first else { throw Unexpected() }
        #expect(request.arguments == ["sh", "-c", "test \"${MESH_VALUE_branch}\"", "c1", "s3"])
        #expect(request.environment == ["MESH_VALUE_branch": "a b; rm -rf /", "COUNT": "3"])
        #expect(request.commandTimeLimit == .seconds(7) && request.step == "check" && run.action == "check")

        let told = outputs(try handle(bot, .finished(first, ended(0, stdout: "yes"), event: event)))
        let expected = JSONValue.object(["text": .string("said yes"), "tags": .array([.string("x")]), "status": .integer(0)])
        #expect(told == [CustomOutput(eventType: "docs.updated", content: expected, priority: .high, key: "c1")])
        #expect(try told[0].payload.jsonBytes() == expected.bytes)

        let warned = outputs(try handle(bot, .finished(first, ended(2), event: event)))
        #expect(warned.map(\.eventType) == ["notification.requested"])
        #expect(warned[0].content["title"]?.string == "Bad c1" && warned[0].content["text"]?.string == "exit status 2")
        #expect(warned[0].content["repository"]?.string == "file:///r" && warned[0].content["event_type"]?.string == "build.completed")
        // What the bot produced is a payload that the catalogue's own type reads.
        #expect(throws: Never.self) {
            try Envelope(
                id: event.envelope.id, timestamp: event.envelope.timestamp, source: "MyBot", type: "notification.requested",
                payload: warned[0].content.bytes
            ).decode(NotificationRequested.self)
        }
    }

    @Test func sameInputsSameEffects() throws {
        let bot = try bot([Action(name: "a", type: "execute", command: "x ${run.id} ${event.id}")])
        let event = try event()
        #expect(try call(try handle(bot, .event(event))) == call(try handle(bot, .event(event))))
    }

    @Test func failuresWithoutAWayOut() throws {
        let event = try event()
        let actions = [Action(name: "a", type: "execute", command: "x")]
        func rejection(_ bot: CustomBot, _ outcome: CallOutcome) throws -> Rejection? {
            let first = try call(try handle(bot, .event(event)))
            do {
                _ = try handle(bot, .finished(first, outcome, event: event))
                return nil
            } catch let error as Rejection {
                return error
            }
        }
        #expect(try rejection(bot(actions), ended(3))?.description == "MyBot: the action 'a' failed: exit status 3 (run-failed)")
        #expect(try rejection(bot(actions), ended(3))?.kind == .permanent)
        #expect(try rejection(bot(actions, retry: .standard), ended(3))?.kind == .transient)
        #expect(try rejection(bot(actions), .failure(CallFailure(.transient, code: "x", message: "y")))?.kind == .transient)
        #expect(try rejection(bot(actions), .failure(CallFailure(.cancelled, code: "x", message: "y"))) == nil)
        #expect(throws: Rejection.self) { try handle(bot(actions), .event(self.event("not json"))) }
    }

    @Test func circlesEnd() throws {
        let circle = [
            Action(name: "a", type: "message", parameters: .object(["event": .string("x.y")]), onSuccess: "b"),
            Action(name: "b", type: "message", parameters: .object(["event": .string("x.y")]), onSuccess: "a"),
        ]
        #expect(throws: Rejection.self) { try handle(bot(circle), .event(event())) }
        let retry = try bot([Action(name: "a", type: "execute", command: "x", onFailure: "a")])
        var effects = try handle(retry, .event(event()))
        #expect(throws: Rejection.self) {
            for _ in 0...CustomBot.maximumSteps { effects = try handle(retry, .finished(call(effects), ended(1), event: event())) }
        }
    }

    @Test func http() throws {
        let action = Action(
            name: "post", type: "http",
            parameters: .object([
                "url": .string("https://api.example.org/${branch}?c=${commit}"),
                "headers": .object(["X-Branch": .string("${branch}\r\nEvil: 1")]),
                "body": .object(["n": .string("${count}")]), "expected_status": .array([.integer(200), .integer(404)]),
            ]), onSuccess: "tell", onFailure: "tell")
        let tell = Action(
            name: "tell", type: "message",
            parameters: .object([
                "event": .string("x.y"), "payload": .object(["id": .string("${post.body.id}"), "why": .string("${post.failure}")]),
            ]))
        let bot = try bot([action, tell])
        let event = try event()
        let first = try call(try handle(bot, .event(event)))
        guard case .http(let request, _) = first else { throw Unexpected() }
        #expect(request.url == "https://api.example.org/a%20b%3B%20rm%20-rf%20%2F?c=c1" && request.method == "POST")
        #expect(request.headers["X-Branch"]?.contains("\n") == false && request.headers["content-type"] == "application/json")
        #expect(request.body == #"{"n":3}"#)
        func content(_ outcome: CallOutcome) throws -> JSONValue? {
            outputs(try handle(bot, .finished(first, outcome, event: event))).first?.content
        }
        #expect(
            try content(.success(HTTPCall.Response(status: 404, body: #"{"id":7}"#, durationSeconds: 0)))
                == .object(["id": .integer(7), "why": .string("")]))
        #expect(
            try content(.success(HTTPCall.Response(status: 500, body: "oops", durationSeconds: 0)))
                == .object(["why": .string("the answer was 500")]))
    }

    @Test func mistakesInTheConfiguration() {
        func path(_ action: Action, _ permissions: [Permission]? = nil) -> String? {
            do {
                _ = try bot([action], permissions: permissions)
                return nil
            } catch {
                return (error as? ConfigurationError)?.path
            }
        }
        func parameters(_ members: [String: JSONValue]) -> JSONValue { .object(members) }
        #expect(path(Action(name: "a", type: "git.checkout")) == "actions[0].type")
        #expect(path(Action(name: "a", type: "execute")) == "actions[0].command")
        #expect(
            path(Action(name: "a", type: "execute", command: "x", parameters: parameters(["netwrok": .bool(true)])))
                == "actions[0].parameters.netwrok")
        #expect(
            path(Action(name: "a", type: "execute", command: "x", parameters: parameters(["network": .bool(true)])))
                == "actions[0].parameters.network")
        #expect(
            path(
                Action(name: "a", type: "execute", command: "x", parameters: parameters(["network": .bool(true)])),
                [Permission(resource: "network", actions: ["use"])]) == nil)
        #expect(path(Action(name: "a", type: "http", parameters: parameters(["url": .string("http://x")])), []) == "actions[0].type")
        #expect(path(Action(name: "a", type: "http", parameters: parameters(["url": .string("http://x")]))) == nil)
        #expect(path(Action(name: "a", type: "message", parameters: parameters([:]))) == "actions[0].parameters.event")
        #expect(path(Action(name: "a", type: "message", command: "shout")) == "actions[0].command")
        #expect(path(Action(name: "a", type: "execute", command: "x", onSuccess: "b")) == "actions[0].on_success")
    }
}
