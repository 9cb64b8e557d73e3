import Envelopes
import Terminal
import Testing

@testable import mesh

@Suite struct NewEventTests {
    private let catalogue: EventCatalogue
    private let bots = ["BuildBot", "TestBot"]

    init() throws {
        let schema = try JSONSchema(
            parsing: Array(
                #"{"type":"object","required":["repository"],"properties":{"repository":{"type":"string"},"n":{"type":"integer"}}}"#.utf8))
        catalogue = EventCatalogue([
            EventDefinition(
                type: "build.completed", summary: "Ended well.", owner: "BuildBot", key: "repository/n", schema: schema,
                fields: ["repository", "n"],
                examples: [.init(name: "one", payload: try JSONValue.parse(#"{"n":1,"repository":"r","a":[]}"#))]),
            EventDefinition(type: "code.committed", owner: "mesh", producers: ["anyone"]),
            EventDefinition(type: "bot.error", owner: "mesh-less", producers: ["every-bot"]),
            EventDefinition(type: "mesh.audit", kind: .internal, owner: "mesh"),
        ])
    }

    private func event(_ type: String, as bot: String? = nil) throws(UsageError) -> NewEvent {
        try NewEvent(type: type, as: bot, catalogue: catalogue, bots: bots)
    }

    @Test func onlyWhoMayProduceATypeWritesIt() throws {
        #expect(try event("code.committed").source == "mesh")
        #expect(try event("build.completed", as: "BuildBot").source == "BuildBot")
        #expect(try event("bot.error", as: "TestBot").source == "TestBot")
        for (type, bot) in [
            ("build.completed", nil), ("build.completed", "TestBot"), ("bot.error", nil), ("mesh.audit", nil),
            ("code.committed", "BuldBot"),
        ] {
            #expect(throws: UsageError.self) { try event(type, as: bot) }
        }
        #expect(throws: UsageError("no event type 'build.complete'; did you mean 'build.completed'?")) { try event("build.complete") }
    }

    @Test func everyProblemIsToldWithItsPlace() throws {
        let event = try event("build.completed", as: "BuildBot")
        func problems(_ text: String) -> [String] { event.problems(of: .init(payload: Array(text.utf8))).map(\.pointer) }
        #expect(problems(#"{"repository":"r","n":1}"#).isEmpty)
        #expect(problems(#"{"repository":1,"n":"x"}"#) == ["/repository", "/n"])
        #expect(problems("{").count == 1)
        #expect(problems("[]").count == 1)
    }

    /// The schema cannot say that one of two fields must be there; without either the event would be a dead letter.
    @Test(arguments: [(#"{}"#, ["/commit"]), (#"{"commit":"3f1c"}"#, []), (#"{"commit_sha":"3f1c"}"#, [])])
    func aCommitIsNamedByOneOfItsNames(payload: String, expected: [String]) throws {
        #expect(try event("code.committed").problems(of: .init(payload: Array(payload.utf8))).map(\.pointer) == expected)
    }

    @Test func theKeyIsMadeAsTheCatalogueSays() throws {
        func key(_ payload: String) throws -> String? { NewEvent.key("repository/n", try JSONValue.parse(payload)) }
        #expect(try key(#"{"repository":"r","n":1}"#) == "r/1")
        #expect(try key(#"{"repository":"r"}"#) == nil)
        let event = try event("build.completed", as: "BuildBot")
        let given = NewEvent.Given(payload: Array(#"{"repository":"r","n":1}"#.utf8), correlationID: "run", priority: .high, key: nil)
        let (envelope, made) = event.envelope(given, id: try #require(EventID("1")), now: Timestamp(milliseconds: 0))
        #expect(made == "r/1")
        #expect(envelope.correlationID == "run" && envelope.priority == .high && envelope.source == "BuildBot")
    }

    @Test func theTemplateIsReadBackWithoutItsRemarks() throws {
        let definition = try #require(catalogue["build.completed"])
        let template = GivenText.template(definition, problems: [SchemaViolation(pointer: "/n", message: "no")], body: nil)
        #expect(template.contains("# PROBLEM /n: no\n"))
        let body = GivenText.body(template)
        #expect(body.hasPrefix("{\n  \"repository\": \"r\",\n  \"n\": 1,\n"))
        #expect(try JSONValue.parse(body) == definition.examples[0].payload)
        #expect(GivenText.body("# only this") == "")
        #expect(GivenText.body("# x\r\n\r\n# y\r\n{\r\n}\r\n") == "{\r\n}\r\n")
        #expect(GivenText.body("\n# x\n  # y\n\n{\"a\": \"# z\"}\n") == "{\"a\": \"# z\"}\n")
    }
}
