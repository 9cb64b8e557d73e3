import FoundationEssentials
import Testing

@testable import Envelopes

/// What `docs/wire-format.md` promises.
@Suite struct WireFormatTests {
    private func page() throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return String(decoding: try Data(contentsOf: root.appendingPathComponent("docs/wire-format.md")), as: UTF8.self)
    }

    @Test func documentedIDsAreDerived() throws {
        let page = try page()
        let event = EventID.derived(
            topic: "code.committed", partition: 3, offset: 10_482, timestamp: Timestamp(milliseconds: 1_795_261_476_250))
        let ids = [
            UUIDv5.meshNamespace.text, event.text,
            EventID.derived(causation: event, bot: "BuildBot", type: "build.completed", ordinal: 0).text,
            EventID.derived(causation: event, bot: "BuildBot", type: "build.completed", ordinal: 0, replay: "replay-1").text,
            EventID.derived(causation: event, bot: "DeployBot/notifications", type: "notification.requested", ordinal: 0).text,
            RunID.derived(event: event, bot: "BuildBot"),
            EventID.derived(schedule: "*/5 * * * *", bot: "MonitorBot", tick: Timestamp(milliseconds: 1_795_261_500_000)).text,
        ]
        for id in ids { #expect(page.contains("`\(id)`"), "\(id) is not in the page") }
    }

    @Test func everyCodeIsDocumented() throws {
        let page = try page()
        for code in DecodeError.Code.allCases { #expect(page.contains("| `\(code.rawValue)` |"), "\(code.rawValue) is not in the page") }
    }

    @Test func theDocumentedEnvelopeIsRead() throws {
        let page = try page()
        let example = try #require(page.split(separator: "```json\n", maxSplits: 1).last?.split(separator: "\n```", maxSplits: 1).first)
        let envelope = try decode(String(example), topic: "build.completed")
        let written = EnvelopeCodec().encode(envelope)
        #expect(String(decoding: written.value, as: UTF8.self) == example.replacing("\n ", with: ""))
    }
}
