import BotKit
import Bots
import Envelopes
import Testing
import Topology

/// The mesh as an AsyncAPI document.
@Suite struct AsyncAPITests {
    private func document() throws -> JSONValue {
        let bots = BotRegistry.all.map { (name: $0.contract.name, isStateful: $0.hasState) }
        return AsyncAPIDocument(
            contracts: BotRegistry.all.map { $0.contract }, catalogue: try Shipped.catalogue.get(), bots: bots, server: "localhost:9092",
            replicas: 3, version: "1.2.3"
        ).json
    }

    @Test func theOfficialSchemaAcceptsItAndRefusesABrokenOne() async throws {
        let document = try document()
        guard case .object(var broken) = document else { throw Wrong() }
        broken["operations"] = ["x": ["action": "sends", "channel": ["$ref": "#/channels/a"]]]
        guard let verdicts = try await Python.run("asyncapi.py", [document, .object(broken)]).array else { throw Wrong() }
        #expect(verdicts.first == .array([]))
        #expect(verdicts.last?.array?.isEmpty == false)
    }

    @Test func everyTopicIsAChannelAndEveryContractItsOperations() throws {
        let document = try document()
        let catalogue = try Shipped.catalogue.get()
        for type in catalogue.definitions.keys { #expect(document["channels"]?[type.name]?["address"] == .string(type.name)) }
        let operations = try #require(document["operations"]?.object)
        for bot in BotRegistry.all {
            for type in bot.contract.produces {
                let operation = try #require(operations["\(bot.contract.name).send.\(type)"], "\(bot.contract.name) sends \(type)")
                #expect(operation["action"] == "send" && operation["channel"]?["$ref"] == .string("#/channels/\(type)"))
            }
        }
        let receive = try #require(operations["TestBot.receive.build.completed"])
        #expect(receive["bindings"]?["kafka"]?["groupId"]?["enum"] == ["TestBot"])
        #expect(operations["people.send.code.committed"] != nil)
        #expect(operations["BuildBot.send.deploy.requested"] == nil)
        let binding = document["channels"]?["mesh.dlq"]?["bindings"]?["kafka"]
        #expect(binding?["topicConfiguration"]?["max.message.bytes"] == .integer(16 << 20))
    }

    /// A reference that leads nowhere would pass the schema.
    @Test func everyReferenceLeadsSomewhere() throws {
        let document = try document()
        var count = 0
        func follow(_ value: JSONValue) {
            if let reference = value["$ref"]?.string {
                count += 1
                let target = reference.split(separator: "/").dropFirst().reduce(Optional(document)) { $0?[String($1)] }
                #expect(target != nil, "\(reference) leads nowhere")
            }
            for member in value.object?.values.map({ $0 }) ?? value.array ?? [] { follow(member) }
        }
        follow(document)
        #expect(count > 300)
    }

    /// The examples of the catalogue are payloads of their schemas there too.
    @Test func examplesFitTheSchemasOfTheDocument() throws {
        let document = try document()
        var checked = 0
        for definition in try Shipped.catalogue.get().definitions.values where definition.schema != nil && definition.kind != .internal {
            let schema = try JSONSchema(try #require(document["components"]?["schemas"]?[definition.type.name]))
            for example in definition.examples {
                #expect(schema.validate(example.payload).isEmpty, "\(definition.type): \(example.name)")
                checked += 1
            }
        }
        #expect(checked > 30)
    }

    struct Wrong: Error {}
}
