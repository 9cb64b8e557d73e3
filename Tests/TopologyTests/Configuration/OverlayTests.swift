import FoundationEssentials
import Testing

@testable import Topology

@Suite struct OverlayTests {
    private let base = """
        bot: { name: MyBot, description: all }
        triggers: [{ type: event, pattern: build.completed }]
        actions:
          - name: one
            type: execute
            command: "echo '1' ${branch}"
            parameters: { environment: { A: "1" } }
        constraints: { timeout: 60, max_concurrent_jobs: 2 }
        monitoring: { logging: { level: info } }
        """
    private let overlay = """
        bot: { description: null }
        constraints: { timeout: 5 }
        monitoring: { logging: { format: text }, metrics: { enabled: false } }
        """

    private func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.path + "/overlay-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory + "/staging", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try Data(base.utf8).write(to: URL(filePath: directory + "/MyBot.yaml"))
        try Data(overlay.utf8).write(to: URL(filePath: directory + "/staging/MyBot.yaml"))
        try body(directory)
    }

    @Test func keyByKey() throws {
        let merged = Overlay.merge(try YAML.parse(base, file: "base"), with: try YAML.parse(overlay, file: "over"))
        #expect(merged["bot"]?.pairs?.map(\.key) == ["name"])
        #expect(merged["constraints"]?["timeout"]?.integer == 5 && merged["constraints"]?["max_concurrent_jobs"]?.integer == 2)
        #expect(merged["constraints"]?["timeout"]?.position.file == "over")
        #expect(merged["constraints"]?["max_concurrent_jobs"]?.position.description == "base:8:50")
        #expect(merged["monitoring"]?["logging"]?.pairs?.map(\.key) == ["level", "format"])
    }

    @Test func showsWhereEachValueCameFrom() throws {
        try withDirectory { directory in
            let report = ConfigurationDisplay.make(name: "MyBot", directory: directory, environment: "staging", knowledge: Sample.knowledge)
            #expect(report.exitStatus == 0)
            let lines = report.output.replacing(directory + "/", with: "").split(separator: "\n").map { line in
                line.split(separator: "  #").map { String($0) }
            }
            func origin(_ text: String) -> String? { lines.first { $0.first?.contains(text) == true && $0.count == 2 }?[1] }
            #expect(origin("timeout: 5") == " staging/MyBot.yaml:2")
            #expect(origin("max_concurrent_jobs: 2") == " MyBot.yaml:8")
            // What is printed is the configuration again.
            let again = try YAML.parse(report.output, file: "again")
            let merged = Overlay.merge(try YAML.parse(base, file: "base"), with: try YAML.parse(overlay, file: "over"))
            #expect(again.json == merged.json)
            let plain = ConfigurationDisplay.make(name: "MyBot", directory: directory, knowledge: Sample.knowledge)
            #expect(try YAML.parse(plain.output, file: "again").json == YAML.parse(base, file: "base").json)
            let json = ConfigurationDisplay.make(
                name: "MyBot", directory: directory, environment: "staging", asJSON: true, knowledge: Sample.knowledge)
            #expect(
                try YAML.parse(json.output, file: "json")["origins"]?["constraints.timeout"]?.string?.hasSuffix("staging/MyBot.yaml:2")
                    == true)
        }
    }

    @Test func mistakes() throws {
        try withDirectory { directory in
            func show(_ name: String, _ environment: String? = nil) -> CommandReport {
                ConfigurationDisplay.make(name: name, directory: directory, environment: environment, knowledge: Sample.knowledge)
            }
            #expect(show("MyBto").exitStatus == 2)
            #expect(show("MyBto").output.contains("nearest is 'MyBot'"))
            #expect(show("MyBot", "stagign").output.contains("nearest is 'staging'"))
            try Data("constraints: { timeout: soon }\nbot: { name: Other }".utf8).write(
                to: URL(filePath: directory + "/staging/MyBot.yaml"))
            try Data("{}".utf8).write(to: URL(filePath: directory + "/staging/Lost.yaml"))
            let report = ValidateReport.make(files: [directory], environment: "staging", knowledge: Sample.knowledge) { $0 == directory }
            #expect(report.exitStatus == 1)
            #expect(report.output.contains("staging/MyBot.yaml:1:25: constraints.timeout is a string, expected a number of seconds"))
            #expect(report.output.contains("an overlay cannot rename the bot"))
            #expect(report.output.contains("staging/Lost.yaml:1:1: there is no file that this overlay lies over"))
        }
    }
}
