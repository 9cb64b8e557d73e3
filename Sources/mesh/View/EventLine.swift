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
        let word = type.utf8.lastIndex(of: UInt8(ascii: ".")).map { type[type.utf8.index(after: $0)...] } ?? type[...]
        switch word {
        case "failed", "error", "secrets_found", "vulnerabilities_found", "triggered", "rolled_back", "health_check_failed": return .red
        case "completed", "scan_completed", "resolved", "approved", "sent", "health_check_passed": return .green
        case "requested", "rejected", "cancelled", "skipped", "cancel_requested", "rollback_requested": return .yellow
        default: return .cyan
        }
    }

    /// `shop@1a2b3c4d (main) → staging`, as far as the payload knows it.
    static func subject(_ payload: some EventFields) -> String {
        var words = ""
        if let repository = payload[.repository]?.string { words += name(ofRepository: repository) }
        if let commit = payload[.commit]?.string {
            words += "@"
            words += commit.utf8.count <= 8 ? commit : String(decoding: commit.utf8.prefix(8), as: UTF8.self)
        }
        if let branch = payload[.branch]?.string {
            words += " ("
            words += branch
            words += ")"
        }
        if let environment = payload[.environment]?.string {
            if !words.isEmpty { words += " → " }
            words += environment
        }
        return words
    }

    static func name(ofRepository url: String) -> String {
        let bytes = url.utf8
        var end = bytes.endIndex
        while end > bytes.startIndex, bytes[bytes.index(before: end)] == UInt8(ascii: "/") { end = bytes.index(before: end) }
        let path = bytes[..<end]
        let start = path.lastIndex(of: UInt8(ascii: "/")).map { bytes.index(after: $0) } ?? bytes.startIndex
        var name = bytes[start..<end]
        if name.count > 4, name.suffix(4).elementsEqual(".git".utf8) { name = name.dropLast(4) }
        return name.isEmpty ? url : String(Substring(name))
    }

    /// What this type says beyond its subject.
    static func detail(_ type: EventType, _ payload: some EventFields) -> String {
        func text(_ field: EventField) -> String? { payload[field]?.string }
        func count(_ field: EventField) -> String? { payload[field]?.integer.map(String.init) }
        func count(_ field: EventField, _ what: String) -> String? { count(field).map { $0 + what } }
        func text(_ before: String, _ field: EventField) -> String? { text(field).map { before + $0 } }
        let seconds = payload[.durationSeconds]?.number.map { "\(($0 * 10).rounded() / 10) s" }
        switch type.name {
        case "code.committed": return text(.message).map { "\"\(firstLine($0))\"" + (text(" by ", .author) ?? "") } ?? ""
        case "build.started", "build.cancelled": return join(text("build ", .buildID), text(.reason), seconds)
        case "build.completed": return join(payload[.steps]?.array.map { "\($0.count) steps" }, size(payload[.artifact]), seconds)
        case "build.failed": return join(text("step ", .failedStep), text(.reason), seconds)
        case "test.completed", "test.failed":
            let coverage = payload[.coveragePercent]?.number.flatMap { Int(exactly: $0.rounded()) }.map { "coverage \($0)%" }
            return join(count(.passed, " passed"), count(.failed, " failed"), coverage, text(.reason), seconds)
        case "security.scan_completed": return join(text(.verdict), findings(payload[.findings]), seconds)
        case "deploy.requested": return join(text("by ", .requestedBy), text("EMERGENCY: ", .emergencyReason))
        case "deploy.completed": return join(payload[.healthURLs]?.array?.first?.string ?? "files only, no health check", seconds)
        case "bot.error":
            let place = "\(text(.topic) ?? "?")[\(count(.partition) ?? "?")]@\(count(.offset) ?? "?")"
            return join(text(.bot), text(.code), place, text(.message))
        case "schedule.fired": return join(text(.bot), text(.schedule))
        case "bot.capabilities": return join(text(.bot), text(.version))
        case "build.cancel_requested": return join(text("build ", .buildID), text("by ", .requestedBy), text(.reason))
        case "notification.acknowledged": return join(text(.notificationID), text("by ", .acknowledgedBy))
        case "alert.triggered", "alert.resolved": return join(text(.alertName), text(.severity), text(.description))
        case "monitor.health_check_passed", "monitor.health_check_failed":
            return join(text(.url), text(.reason), payload[.allClear]?.bool == true ? "all clear" : nil)
        case "notification.sent", "notification.requested", "notification.failed":
            return join(text(.channel).map { "[\($0)]" }, text(.title), text(.reason))
        case let name where name.hasSuffix(".log"): return "\(text(.step) ?? "?"): \(firstLine(text(.text) ?? ""))"
        default: return join(text(.reason), text(.description), seconds)
        }
    }

    private static func join(_ parts: String?...) -> String {
        var words = ""
        var isFirst = true
        for case let part? in parts {
            if !isFirst { words += ", " }
            isFirst = false
            words += firstLine(part)
        }
        return words
    }

    private static func firstLine(_ text: String) -> String {
        // Most texts are short lines of plain letters: they need no look at each character.
        var text = text
        if text.withUTF8({ $0.count <= 100 && $0.isPlainASCII }) { return text }
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
