import BotKit
import Envelopes
import FoundationEssentials
import MeshTesting
import Telemetry
import Testing

@testable import MeshRuntime

@Suite struct OutputWriterTests {
    /// Each by its own retention, also where they lie in one place.
    @Test func everyFileOutputForgetsWhatIsOlderThanItsRetention() throws {
        let root = try TemporaryDirectory.make(prefix: "outputs")
        defer { try? FileManager.default.removeItem(atPath: root) }
        var configuration = BotConfiguration(name: "WorkBot")
        configuration.outputs = [("a", 1), ("b", 1), ("c", 10)].map { name, days in
            .init(kind: .file, destination: "file://\(root)/\(name)", format: "json", retentionDays: days)
        }
        var writer = OutputWriter(configuration, metrics: Metrics(), logger: Logger(bot: "WorkBot", level: .error))
        let day: Int64 = 86_400_000
        for number in 0..<4 as Range<Int64> { writer.write(try event(number, at: number * day), bot: "WorkBot") }
        func days(_ name: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: "\(root)/\(name)/work.done").sorted()
        }
        #expect(try days("a") == ["2023-11-16.jsonl", "2023-11-17.jsonl"])
        #expect(try days("b") == ["2023-11-16.jsonl", "2023-11-17.jsonl"])
        #expect(try days("c").count == 4)
    }

    private func event(_ number: Int64, at milliseconds: Int64) throws -> Envelope {
        Envelope(
            id: try #require(EventID("e\(number)")), timestamp: Timestamp(milliseconds: 1_700_000_000_000 + milliseconds),
            source: "WorkBot",
            type: WorkDone.type, payload: Array("{}".utf8))
    }

    /// As after a full disk, or a crash.
    @Test func behindHalfALineANewOneBegins() throws {
        let root = try TemporaryDirectory.make(prefix: "outputs")
        defer { try? FileManager.default.removeItem(atPath: root) }
        var configuration = BotConfiguration(name: "WorkBot")
        configuration.outputs = [.init(kind: .file, destination: root, format: "json", retentionDays: nil)]
        var writer = OutputWriter(configuration, metrics: Metrics(), logger: Logger(bot: "WorkBot", level: .error))
        let file = "\(root)/work.done/2023-11-14.jsonl"
        try FileManager.default.createDirectory(atPath: "\(root)/work.done", withIntermediateDirectories: false)
        try Data("{\"id\":\"e".utf8).write(to: URL(filePath: file))
        for number in 1...2 as ClosedRange<Int64> { writer.write(try event(number, at: 0), bot: "WorkBot") }
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 4 && lines.first == "{\"id\":\"e" && lines.last == "")
        #expect(try lines[1...2].map { try JSONValue.parse(Array($0.utf8))["id"]?.string } == ["e1", "e2"])
    }
}
