import BotKit
import Envelopes

/// What an event says to a person who was not looking: one line, some more, how bad it is, and what comes next.
struct EventText: Equatable {
    var title: String
    var lines: [String] = []
    var severity: Severity = .info

    var text: String { lines.filter { !$0.isEmpty }.joined(separator: "\n") }

    init(_ title: String, _ lines: [String] = [], severity: Severity = .info) {
        self.title = title
        self.lines = lines
        self.severity = severity
    }

    init(_ type: EventType, _ payload: JSONValue) {
        let fields = EventFields(payload)
        self =
            switch type.domain {
            case "code", "build": Self.build(type, fields)
            case "test": Self.test(type, fields)
            case "security": Self.security(type, fields)
            case "deploy": Self.deploy(type, fields)
            case "monitor", "alert": Self.watch(type, fields)
            default: Self.other(type, fields)
            }
    }

    private static func build(_ type: EventType, _ fields: EventFields) -> EventText {
        switch type.name {
        case "code.committed": EventText("New commit \(fields.what)", [fields.commitMessage, "The build is next."])
        case "build.started": EventText("Building \(fields.what)", [fields.commitMessage])
        case "build.completed": EventText("Built \(fields.what) \(fields.took)", [fields.commitMessage, "The tests are next."])
        case "build.failed":
            EventText(
                "Build failed: \(fields.what) in step \(fields["failed_step"] ?? "?")",
                [fields["reason"] ?? "", fields.commitMessage, fields.tail, "Mend it and push again."], severity: .critical)
        case "build.cancelled":
            EventText(
                "Build cancelled: \(fields.what)", [fields["reason"] ?? "", fields["requested_by"].map { "by \($0)" } ?? ""],
                severity: .warning)
        default: other(type, fields)
        }
    }

    private static func test(_ type: EventType, _ fields: EventFields) -> EventText {
        let counts = "\(fields["passed"] ?? "0") of \(fields["total"] ?? "0") passed"
        let coverage = fields["coverage_percent"].map { ", coverage \($0.prefix(5))%" } ?? ""
        let flaky = fields.list("flaky")
        switch type.name {
        case "test.started": return EventText("Testing \(fields.what)")
        case "test.completed":
            return EventText(
                "Tests passed: \(fields.what), \(counts)\(coverage)",
                [flaky.isEmpty ? "" : "Flaky: \(flaky.prefix(5).joined(separator: ", "))", "The security scan is next."],
                severity: flaky.isEmpty ? .info : .warning)
        case "test.failed":
            let failures = fields.objects("failures").prefix(5).map { "✗ \($0["suite"] ?? "") \($0["name"] ?? ""): \($0["message"] ?? "")" }
            return EventText(
                "Tests failed: \(fields.what), \(counts)",
                [fields["reason"] ?? ""] + failures + ["It will not be deployed. Mend it and push again."],
                severity: .critical)
        case "test.skipped": return EventText("No tests ran: \(fields.what)", [fields["reason"] ?? ""], severity: .warning)
        default: return other(type, fields)
        }
    }

    private static func security(_ type: EventType, _ fields: EventFields) -> EventText {
        switch type.name {
        case "security.scan_started": return EventText("Scanning \(fields.what)")
        case "security.scan_completed" where fields["verdict"] == "pass":
            return EventText("Security scan passed: \(fields.what)", [fields.findings, "The deploy is next."])
        case "security.scan_completed":
            return EventText(
                "Security scan refused \(fields.what)",
                [fields.findings] + fields.list("reasons").prefix(5) + [
                    fields["sarif_url"].map { "Findings: \($0)" } ?? "", "It will not be deployed.",
                ],
                severity: .critical)
        case "security.vulnerabilities_found":
            let found = fields.objects("vulnerabilities")
            let lines = found.prefix(5).map { item in
                "\(item["severity"] ?? "?"): \(item["id"] ?? "?") in \(item["package"] ?? "?") \(item["version"] ?? "")\(item["fixed_in"].map { ", mended in \($0)" } ?? "")"
            }
            return EventText("\(found.count) known vulnerabilities in \(fields.what)", Array(lines), severity: .warning)
        case "security.secrets_found":
            let found = fields.objects("secrets")
            let lines = found.prefix(5).map { "\($0["rule"] ?? "?") in \($0["file"] ?? "?"):\($0["line"] ?? "?")" }
            return EventText(
                "\(found.count) secrets in \(fields.what)", lines + ["Revoke them: what was pushed is known."], severity: .critical)
        case "security.failed":
            return EventText(
                "Security scan could not run: \(fields.what)", [fields["reason"] ?? "", "It will not be deployed."], severity: .critical)
        default: return other(type, fields)
        }
    }

    private static func deploy(_ type: EventType, _ fields: EventFields) -> EventText {
        let place = fields["environment"] ?? "?"
        switch type.name {
        case "deploy.requested": return EventText("Deploy of \(fields.what) to \(place) asked for by \(fields["requested_by"] ?? "?")")
        case "deploy.approved": return EventText("\(fields["approved_by"] ?? "?") approved a deploy to \(place)", [fields["reason"] ?? ""])
        case "deploy.rejected":
            return EventText("\(fields["rejected_by"] ?? "?") refused a deploy to \(place)", [fields["reason"] ?? ""], severity: .warning)
        case "deploy.started": return EventText("Deploying \(fields.what) to \(place)", ["As \(fields["strategy"] ?? "?")."])
        case "deploy.completed":
            return EventText(
                "Deployed \(fields.what) to \(place) \(fields.took)",
                [fields.list("health_urls").joined(separator: " "), "To go back: mesh rollback \(place)"])
        case "deploy.failed":
            let isBack = fields["rolled_back"] == "true"
            return EventText(
                "Deploy failed: \(fields.what) to \(place) at \(fields["stage"] ?? "?")",
                [
                    fields["reason"] ?? "", fields.tail,
                    isBack ? "The release before it is live again." : "Nothing was rolled back: look at \(place).",
                ],
                severity: .critical)
        case "deploy.rolled_back":
            return EventText(
                "\(place) went back from \(fields["from_commit"]?.prefix(8) ?? "?") to \(fields["to_commit"]?.prefix(8) ?? "?")",
                [fields["reason"] ?? "", fields["requested_by"].map { "Asked for by \($0)." } ?? ""], severity: .warning)
        default: return other(type, fields)
        }
    }

    private static func watch(_ type: EventType, _ fields: EventFields) -> EventText {
        let place = fields["environment"].map { " in \($0)" } ?? ""
        switch type.name {
        case "monitor.health_check_passed":
            let isClear = fields["all_clear"] == "true"
            return EventText(isClear ? "All clear\(place): \(fields["url"] ?? "")" : "Healthy\(place): \(fields["url"] ?? "")")
        case "monitor.health_check_failed":
            return EventText(
                "Unhealthy\(place): \(fields["url"] ?? "")",
                [fields["reason"] ?? "", "\(fields["consecutive_failures"] ?? "?") times in a row."], severity: .warning)
        case "alert.triggered":
            return EventText(
                "\(fields["alert_name"] ?? "Alert")\(place): \(fields["metric"] ?? "?") is \(fields["value"] ?? "?"), limit \(fields["threshold"] ?? "?")",
                [fields["description"] ?? ""], severity: fields["severity"].flatMap { Severity(rawValue: $0) } ?? .warning)
        case "alert.resolved":
            return EventText(
                "Resolved: \(fields["alert_name"] ?? "alert")\(place) \(fields.took)",
                ["\(fields["metric"] ?? "?") is \(fields["value"] ?? "?"), limit \(fields["threshold"] ?? "?")."])
        default: return other(type, fields)
        }
    }

    private static func other(_ type: EventType, _ fields: EventFields) -> EventText {
        if type == BotErrorEvent.type {
            return EventText(
                "\(fields["bot"] ?? "A bot") could not handle \(fields["topic"] ?? "?")[\(fields["partition"] ?? "?")]@\(fields["offset"] ?? "?")",
                ["\(fields["message"] ?? "") (\(fields["code"] ?? "?"))"], severity: .warning)
        }
        return EventText(type.name, fields.scalars)
    }
}

/// Short forms of a payload's fields.
struct EventFields {
    let payload: JSONValue

    init(_ payload: JSONValue) { self.payload = payload }

    /// A field as text, cut at 500 characters; nil for missing, null, and empty.
    subscript(_ name: String) -> String? {
        guard let text = payload[name]?.plainText, !text.isEmpty else { return nil }
        return String(text.prefix(500))
    }

    func list(_ name: String) -> [String] { (payload[name]?.array ?? []).map { String($0.plainText.prefix(300)) } }
    func objects(_ name: String) -> [EventFields] { (payload[name]?.array ?? []).map(EventFields.init) }

    /// `shop@1a2b3c4d (main)`.
    var what: String {
        let name = repositoryName(self["repository"] ?? "?")
        let commit = self["commit"].map { "@\($0.prefix(8))" } ?? ""
        return name + commit + (self["branch"].map { " (\($0))" } ?? "")
    }

    var commitMessage: String {
        guard let message = self["message"] else { return self["author"] ?? "" }
        return "\(self["author"].map { "\($0): " } ?? "")\(message.prefix { !$0.isNewline }.prefix(120))"
    }

    var took: String {
        guard let seconds = payload["duration_seconds"]?.number, seconds.isFinite, abs(seconds) < 1e9 else { return "" }
        let tenths = Int((seconds * 10).rounded())
        return tenths < 600 ? "in \(tenths / 10).\(tenths % 10) s" : "in \(tenths / 600) min \(tenths / 10 % 60) s"
    }

    var findings: String {
        ["critical", "high", "medium", "low"].compactMap { name in
            payload["findings"]?[name]?.integer.flatMap { $0 > 0 ? "\($0) \(name)" : nil }
        }.joined(separator: ", ")
    }

    var tail: String { list("output_tail").suffix(5).joined(separator: "\n") }

    /// `name: value` of the first fields that are no lists or objects.
    var scalars: [String] {
        (payload.object ?? [:]).sorted { $0.key < $1.key }.compactMap { name, value in
            switch value {
            case .array, .object, .null: nil
            default: "\(name): \(value.plainText.prefix(200))"
            }
        }.prefix(8).map(\.self)
    }
}
