import BotKit
import Bots
import Envelopes
import MeshTesting
import Testing

/// Payloads of every shape: the bots refuse or take them, and never trap. What they make of them keeps its limits.
@Suite struct HostilePayloadTests {
    private static let names = [
        "repository", "commit", "branch", "author", "message", "reason", "failed_step", "output_tail", "duration_seconds", "total",
        "passed",
        "coverage_percent", "flaky", "failures", "findings", "reasons", "vulnerabilities", "secrets", "environment", "deploy_id",
        "health_urls",
        "rolled_back", "from_commit", "to_commit", "all_clear", "alert_name", "metric", "value", "threshold", "severity", "title", "text",
        "channels", "dedup_key", "requested_by", "approved_by", "rejected_by", "artifact", "url", "sha256", "size_bytes", "format",
        "notification_id", "acknowledged_by", "verdict",
    ]

    private static func value(_ random: inout SeededGenerator, depth: Int = 0) -> JSONValue {
        switch Int.random(in: 0...(depth > 2 ? 6 : 9), using: &random) {
        case 0: .null
        case 1: .bool(Bool.random(using: &random))
        case 2: .integer([0, -1, .max, .min, 42].randomElement(using: &random) ?? 0)
        case 3: .double([0.5, -1e300, 1e300, 1e-300, 59.96, .greatestFiniteMagnitude].randomElement(using: &random) ?? 0)
        case 4:
            .string(["", "\u{0}\n\r", "staging", "critical", "pass", "a/b", "👩‍👩‍👧", "${commit}", "{{x}}"].randomElement(using: &random) ?? "")
        case 5: .string(String(repeating: "ä\n", count: Int.random(in: 0...300, using: &random)))
        case 6: .string("0123456789abcdef")
        case 7: .array((0..<Int.random(in: 0...5, using: &random)).map { _ in value(&random, depth: depth + 1) })
        default: object(&random, depth: depth + 1)
        }
    }

    private static func object(_ random: inout SeededGenerator, depth: Int = 0) -> JSONValue {
        var members: [String: JSONValue] = [:]
        for _ in 0..<Int.random(in: 0...20, using: &random) {
            members[names.randomElement(using: &random) ?? ""] = value(&random, depth: depth)
        }
        return .object(members)
    }

    @Test func notificationsKeepTheirLimits() throws {
        var random = SeededGenerator(seed: 7)
        let bot = try NotificationBot(
            configuration: BotConfiguration(
                name: "NotificationBot", notifications: [.init(event: "#", channels: [], template: "{{commit}} {{findings}}")]))
        let plain = try NotificationBot(
            configuration: BotConfiguration(name: "NotificationBot", notifications: [.init(event: "#", channels: [])]))
        let types =
            NotificationBot.contract.consumes.filter { !$0.name.contains("*") }
            + DeployBot.contract.produces + [
                "build.started", "build.completed", "build.failed", "test.completed", "test.failed", "security.scan_completed",
                "security.secrets_found", "security.vulnerabilities_found", "alert.triggered", "alert.resolved",
                "monitor.health_check_failed",
            ]
        var told = 0
        for _ in 0..<1000 {
            let type = types.randomElement(using: &random) ?? "build.failed"
            let event = Event(
                envelope: Envelope(
                    id: try #require(EventID("e")), timestamp: Timestamp(milliseconds: 5), source: "s", type: type,
                    payload: Self.object(&random).bytes))
            for bot in [bot, plain] { told += try Self.tell(bot, event) }
        }
        #expect(told > 500)
    }

    @Test func deploysRefuseWhatTheyCannotRead() throws {
        var random = SeededGenerator(seed: 8)
        let bot = try DeployBot(configuration: BotConfiguration(name: "DeployBot"))
        for _ in 0..<3000 {
            let type = DeployBot.contract.consumes.randomElement(using: &random) ?? "deploy.requested"
            let event = Event(
                envelope: Envelope(
                    id: try #require(EventID("e")), timestamp: Timestamp(milliseconds: 5), source: "s", type: type,
                    payload: Self.object(&random).bytes))
            let refusal = rejection { try Self.decide(bot, event) }
            #expect(refusal == nil || refusal?.kind == .permanent || refusal?.code == "deploy-under-way")
        }
    }

    private static func decide(_ bot: DeployBot, _ event: Event) throws -> Int {
        var state: DeployState?
        _ = try bot.aggregate(of: event)
        return try bot.handle(.event(event), state: &state, context: Context(now: Timestamp(milliseconds: 5), runID: "r")).count
    }

    /// How many messages went out; each within its limits.
    private static func tell(_ bot: NotificationBot, _ event: Event) throws -> Int {
        var messages: [NotificationMessage] = []
        let refusal = rejection {
            var state: NotificationState?
            let id = try bot.aggregate(of: event)
            #expect(id.utf8.count <= 128 || event.type.domain == "notification")
            let context = Context(now: Timestamp(milliseconds: 5), runID: "r")
            for effect in try bot.handle(.event(event), state: &state, context: context) {
                if case .perform(.console(let call)) = effect { messages.append(call.message) }
            }
            return messages.count
        }
        #expect(refusal == nil || refusal?.kind == .permanent)
        for message in messages {
            #expect((1...512).contains(message.title.unicodeScalars.count))
            #expect(message.text.unicodeScalars.count <= 8000)
        }
        return messages.count
    }
}
