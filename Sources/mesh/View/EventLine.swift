import Envelopes
import Terminal

/// An event as one line for people: time, type, what it is about, and what it says.
struct EventLine {
    let style: Style

    func text(_ envelope: Envelope, _ payload: JSONValue) -> String {
        let type = envelope.type.name
        let time = envelope.timestamp.text.dropFirst(11).prefix(12)
        let padded = type + String(repeating: " ", count: max(1, 26 - type.count))
        let subject = Self.subject(payload)
        let words = [subject, Self.detail(envelope.type, payload)].filter { !$0.isEmpty }.joined(separator: "  ")
        return "\(style(.grey, String(time)))  \(style(Self.colour(type), padded)) \(words)"
    }

    /// Green for what went well, red for what did not, yellow for what waits for somebody.
    static func colour(_ type: String) -> Style.Colour {
        switch type.split(separator: ".").last ?? "" {
        case "failed", "error", "secrets_found", "vulnerabilities_found", "triggered", "rolled_back", "health_check_failed": .red
        case "completed", "scan_completed", "resolved", "approved", "sent", "health_check_passed": .green
        case "requested", "rejected", "cancelled", "skipped", "cancel_requested", "rollback_requested": .yellow
        default: .cyan
        }
    }

    /// `shop@1a2b3c4d (main) → staging`, as far as the payload knows it.
    static func subject(_ payload: JSONValue) -> String {
        var words = ""
        if let repository = payload["repository"]?.string { words += Self.name(ofRepository: repository) }
        if let commit = payload["commit"]?.string { words += "@\(commit.prefix(8))" }
        if let branch = payload["branch"]?.string { words += " (\(branch))" }
        if let environment = payload["environment"]?.string { words += words.isEmpty ? environment : " → \(environment)" }
        return words
    }

    static func name(ofRepository url: String) -> String {
        var name = Substring(url)
        while name.utf8.last == UInt8(ascii: "/") { name = name.dropLast() }
        if let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) { name = name[name.utf8.index(after: slash)...] }
        if name.utf8.count > 4, name.hasSuffix(".git") { name = name.dropLast(4) }
        return name.isEmpty ? url : String(name)
    }

    /// What this type says beyond its subject.
    static func detail(_ type: EventType, _ payload: JSONValue) -> String {
        func text(_ field: String) -> String? { payload[field]?.string }
        func count(_ field: String) -> String? { payload[field]?.integer.map(String.init) }
        let seconds = payload["duration_seconds"]?.number.map { "\(($0 * 10).rounded() / 10) s" }
        switch type.name {
        case "code.committed": return text("message").map { "\"\(firstLine($0))\"" + (text("author").map { " by \($0)" } ?? "") } ?? ""
        case "build.started", "build.cancelled": return join([text("build_id").map { "build \($0)" }, text("reason"), seconds])
        case "build.completed": return join([payload["steps"]?.array.map { "\($0.count) steps" }, size(payload["artifact"]), seconds])
        case "build.failed": return join([text("failed_step").map { "step \($0)" }, text("reason"), seconds])
        case "test.completed", "test.failed":
            return join([
                count("passed").map { "\($0) passed" }, count("failed").map { "\($0) failed" },
                payload["coverage_percent"]?.number.map { "coverage \(Int($0.rounded()))%" }, text("reason"), seconds,
            ])
        case "security.scan_completed": return join([text("verdict"), findings(payload["findings"]), seconds])
        case "deploy.requested":
            return join([text("requested_by").map { "by \($0)" }, text("emergency_reason").map { "EMERGENCY: \($0)" }])
        case "deploy.completed": return join([payload["health_urls"]?.array?.first?.string ?? "files only, no health check", seconds])
        case "bot.error":
            let place = "\(text("topic") ?? "?")[\(count("partition") ?? "?")]@\(count("offset") ?? "?")"
            return join([text("bot"), text("code"), place, text("message")])
        case "schedule.fired": return join([text("bot"), text("schedule")])
        case "bot.capabilities": return join([text("bot"), text("version")])
        case "build.cancel_requested":
            return join([text("build_id").map { "build \($0)" }, text("requested_by").map { "by \($0)" }, text("reason")])
        case "notification.acknowledged": return join([text("notification_id"), text("acknowledged_by").map { "by \($0)" }])
        case "alert.triggered", "alert.resolved": return join([text("alert_name"), text("severity"), text("description")])
        case "monitor.health_check_passed", "monitor.health_check_failed":
            return join([text("url"), text("reason"), payload["all_clear"]?.bool == true ? "all clear" : nil])
        case "notification.sent", "notification.requested", "notification.failed":
            return join([text("channel").map { "[\($0)]" }, text("title"), text("reason")])
        case let name where name.hasSuffix(".log"): return "\(text("step") ?? "?"): \(firstLine(text("text") ?? ""))"
        default: return join([text("reason"), text("description"), seconds])
        }
    }

    private static func join(_ parts: [String?]) -> String { parts.compactMap { $0 }.map(firstLine).joined(separator: ", ") }

    private static func firstLine(_ text: String) -> String {
        // Most texts are short lines of plain letters: they need no look at each character.
        if text.utf8.count <= 100, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x80 }) { return text }
        let line = text.prefix { !$0.isNewline }
        return line.count > 100 ? line.prefix(99) + "…" : String(line)
    }

    private static func size(_ artifact: JSONValue?) -> String? {
        artifact?["size_bytes"]?.integer.map { $0 < 10_000 ? "\($0) B" : $0 < 10_000_000 ? "\($0 / 1000) kB" : "\($0 / 1_000_000) MB" }
    }

    private static func findings(_ counts: JSONValue?) -> String? {
        guard let counts = counts?.object else { return nil }
        let found = ["critical", "high", "medium", "low"].compactMap { name in
            counts[name]?.integer.flatMap { $0 > 0 ? "\($0) \(name)" : nil }
        }
        return found.isEmpty ? "nothing found" : found.joined(separator: " ")
    }
}
