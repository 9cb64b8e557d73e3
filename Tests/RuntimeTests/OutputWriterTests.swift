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
        for number in 0..<4 as Range<Int64> {
            let event = Envelope(
                id: try #require(EventID("e\(number)")), timestamp: Timestamp(milliseconds: 1_700_000_000_000 + number * day),
                source: "WorkBot", type: WorkDone.type, payload: Array("{}".utf8))
            writer.write(event, bot: "WorkBot")
        }
        func days(_ name: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: "\(root)/\(name)/work.done").sorted()
        }
        #expect(try days("a") == ["2023-11-16.jsonl", "2023-11-17.jsonl"])
        #expect(try days("b") == ["2023-11-16.jsonl", "2023-11-17.jsonl"])
        #expect(try days("c").count == 4)
    }
}
