import BotKit
import Envelopes
import Kafka
import Testing
import YAMLText

@testable import Topology

@Suite struct KubernetesManifestsTests {
    private func manifests(isHealthy: Bool = true, configuration text: String = "bot: x\n") throws -> KubernetesManifests {
        let catalogue = EventCatalogue([EventDefinition(type: "code.committed", owner: "mesh")])
        let contract = Contract(name: "BuildBot", summary: "", consumes: ["code.committed"], produces: [])
        var configuration = BotConfiguration(name: "BuildBot")
        configuration.monitoring.healthCheckEnabled = isHealthy
        return KubernetesManifests(
            site: .init(image: "i", namespace: "n", cluster: "c", environment: "production", replicas: 3), catalogue: catalogue,
            contracts: [contract], configurations: [configuration],
            access: [try BotAccess(contract: contract, configuration: configuration, catalogue: catalogue)], stateful: [false],
            sources: [ConfigurationSource(.init(file: "bots/BuildBot.yaml", bytes: Array(text.utf8)))])
    }

    private func file(_ name: String, of manifests: KubernetesManifests) throws -> String {
        try #require(manifests.files(renewal: "mesh kubernetes").first { $0.name == name }).text
    }

    /// `/ready` is 503 while Kafka is away: no reason to start a process anew.
    @Test func aBotIsNotStartedAnewForWhatIsNotItsFault() throws {
        for isHealthy in [true, false] {
            let lines = try file("buildbot.yaml", of: try manifests(isHealthy: isHealthy)).split(separator: "\n")
            let probe = isHealthy ? "{ httpGet: { path: /health, port: health }," : "{ tcpSocket: { port: health },"
            for name in ["startupProbe", "livenessProbe"] {
                #expect(lines.filter { $0.contains("\(name): \(probe)") }.count == 1, "\(name)")
            }
            #expect(lines.filter { $0.contains("path: /ready") }.map { $0.contains("readinessProbe") } == [true])
        }
    }

    @Test(arguments: ["bot: x\nlist:\n\n  - 1\n", "bot: x\r\nlist:\r\n\r\n  - 1\r\n", "bot: x\rlist:\r\r  - 1\r"])
    func aConfigurationIsWholeWhateverEndsItsLines(text: String) throws {
        let written = try file("configuration.yaml", of: try manifests(configuration: text))
        let (node, errors) = YAML.read(bytes: Array(written.utf8), file: "configuration.yaml")
        #expect(errors.isEmpty, "\(errors)")
        #expect(node?.json["data"] == ["BuildBot.yaml": "bot: x\nlist:\n\n  - 1\n"])
    }
}
