import FoundationEssentials
import Testing

@testable import Topology

@Suite struct EveryMistakeTests {
    private let fixtures = String(#filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined()) + "/Fixtures"

    /// To see what changed: MESH_WRITE_GOLDEN=1 writes the file anew.
    @Test func allAtOnce() throws {
        let file = fixtures + "/every-mistake.yaml"
        let report = ValidateReport.make(files: [file], knowledge: Sample.knowledge, isDirectory: { _ in false })
        #expect(report.exitStatus == 1)
        let output = report.output.replacing(fixtures + "/", with: "")
        let golden = fixtures + "/every-mistake.expected.txt"
        if ProcessInfo.processInfo.environment["MESH_WRITE_GOLDEN"] != nil {
            try Data(output.utf8).write(to: URL(filePath: golden))
        }
        let expected = String(decoding: try Data(contentsOf: URL(filePath: golden)), as: UTF8.self)
        #expect(output == expected)
    }

    @Test func json() throws {
        let file = fixtures + "/every-mistake.yaml"
        let report = ValidateReport.make(files: [file], asJSON: true, knowledge: Sample.knowledge, isDirectory: { _ in false })
        let value = try YAML.parse(report.output, file: "out")
        let problems = try #require(value["problems"]?.sequence)
        #expect(problems.count > 40)
        #expect(problems.allSatisfy { $0["line"]?.integer ?? 0 > 0 && $0["column"]?.integer ?? 0 > 0 && $0["message"]?.string != nil })
        #expect(problems.contains { $0["nearest"]?.string == "branch" && $0["path"]?.string == "actions[0].command" })
    }

    @Test func unreadable() {
        let report = ValidateReport.make(files: ["/no/such/file.yaml"], knowledge: Sample.knowledge, isDirectory: { _ in false })
        #expect(report.exitStatus == 2)
        #expect(report.output.hasPrefix("/no/such/file.yaml: there is no such file\n"))
    }
}
