import BotKit
import Bots
import Envelopes
import FoundationEssentials
import Testing
import Topology

/// The configuration that ships: sound in every environment, and as its JSON Schema says.
@Suite struct ShippedConfigurationTests {
    private let directory = "\(Shipped.root)/deploy/bots"

    private func environments() throws -> [String?] {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory).filter { !$0.contains(".") }.sorted()
        return [nil] + names
    }

    private func load(_ environment: String?) throws -> LoadedMesh {
        let knowledge = ConfigurationKnowledge(bots: BotRegistry.all, custom: BotRegistry.custom, catalogue: try Shipped.catalogue.get())
        return ConfigurationLoader.load(
            try ConfigurationFiles.sources(directory: directory, environment: environment), knowledge: knowledge, isWholeMesh: true)
    }

    @Test func isSoundInEveryEnvironment() throws {
        for environment in try environments() {
            let mesh = try load(environment)
            #expect(mesh.problems.isEmpty, "\(environment ?? "base"): \(mesh.problems.map(\.description).joined(separator: "\n"))")
            let names = mesh.bots.map(\.configuration.name)
            for bot in BotRegistry.all { #expect(names.contains(bot.contract.name), "\(bot.contract.name) has no configuration") }
            if let environment { #expect(try ConfigurationFiles.orphans(directory: directory, environment: environment).isEmpty) }
        }
    }

    @Test func theDocumentedExampleIsSound() throws {
        let file = "\(Shipped.root)/docs/bot-configuration.md"
        let page = String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
        let examples = page.split(separator: "```").filter { $0.hasPrefix("yaml\nbot:") }.map { $0.dropFirst("yaml\n".count) }
        #expect(examples.count == 1)
        let knowledge = ConfigurationKnowledge(bots: BotRegistry.all, custom: BotRegistry.custom, catalogue: try Shipped.catalogue.get())
        let sources = examples.map { ConfigurationSource(.init(file: "example", bytes: Array($0.utf8))) }
        let mesh = ConfigurationLoader.load(sources, knowledge: knowledge)
        #expect(mesh.errors.isEmpty, "\(mesh.errors.map(\.description))")
    }

    @Test func aCustomBotShips() throws {
        let custom = try load(nil).bots.filter(\.isCustom)
        #expect(!custom.isEmpty)
        for bot in custom { _ = try CustomBot(configuration: bot.configuration) }
    }

    @Test func theJSONSchemaFitsAllShippedFilesAndRefusesMistakes() async throws {
        let schema = try JSONValue.parse(Array(try Data(contentsOf: URL(filePath: "\(Shipped.root)/docs/bot-configuration.schema.json"))))
        var files: [JSONValue] = []
        for environment in try environments() { files += try load(environment).bots.map { $0.node.json } }
        let mistakes = [
            "triggers: []", "actions: [{ name: x }]", "botts: {}", "constraints: { timeout: soon }", "outputs: [text]",
            "bot: { name: a b }",
        ]
        for mistake in mistakes {
            let sound = "bot: { name: X }\ntriggers: [{ type: manual, pattern: now }]\n"
            let key = mistake.prefix { $0 != ":" }
            let rest = sound.split(separator: "\n").filter { !$0.hasPrefix("\(key):") }.joined(separator: "\n")
            files.append(try YAML.parse("\(rest)\n\(mistake)", file: "mistake").json)
        }
        let everyMistake = "\(Shipped.root)/Tests/TopologyTests/Fixtures/every-mistake.yaml"
        let (node, _) = YAML.read(bytes: Array(try Data(contentsOf: URL(filePath: everyMistake))), file: everyMistake)
        files.append(try #require(node).json)
        let verdicts = try await SchemaOracle.judge(.array([.object(["schema": schema, "payloads": .array(files)])]))
        let answers = try #require(verdicts.array?.first?.array).map { $0.bool ?? false }
        let shipped = files.count - mistakes.count - 1
        #expect(shipped >= 8 && answers.prefix(shipped).allSatisfy { $0 }, "\(answers)")
        #expect(answers.dropFirst(shipped).allSatisfy { !$0 }, "\(answers)")
    }
}
