import BotKit
import Envelopes

/// The rules of the configuration's `notifications` section: which event goes where, how bad it is, in which words.
struct NotificationRules: Sendable {
    struct Rule: Sendable {
        let pattern: EventPattern
        let channels: [String]
        /// nil: as the event's own text has it.
        let severity: Severity?
        let template: Template?
    }

    let rules: [Rule]

    /// Everything that people want to know, on the first channel.
    static let standardEvents: [EventType] = [
        "build.completed", "build.failed", "build.cancelled", "test.completed", "test.failed", "security.scan_completed",
        "security.vulnerabilities_found", "security.secrets_found", "security.failed", "deploy.started", "deploy.rejected",
        "deploy.completed", "deploy.failed", "deploy.rolled_back", "alert.triggered", "alert.resolved", "monitor.health_check_passed",
        "bot.error",
    ]

    init(_ configuration: BotConfiguration, channels: [NotificationChannel]) throws(ConfigurationError) {
        let names = channels.map(\.name)
        guard !configuration.notifications.isEmpty else {
            var rules: [Rule] = []
            for type in Self.standardEvents {
                rules.append(Rule(pattern: try Self.pattern(type, "notifications"), channels: [names[0]], severity: nil, template: nil))
            }
            self.rules = rules
            return
        }
        var rules: [Rule] = []
        for (index, rule) in configuration.notifications.enumerated() {
            let path = "notifications[\(index)]"
            for channel in rule.channels where !names.contains(channel) {
                let nearest = NearestName.of(channel, in: names)
                throw ConfigurationError(
                    path: "\(path).channels",
                    message: "there is no channel '\(channel)'; "
                        + (nearest.map { "did you mean '\($0)'" } ?? "this file's actions are \(names.joined(separator: ", "))"))
            }
            rules.append(
                Rule(
                    pattern: try Self.pattern(rule.event, "\(path).event"), channels: rule.channels.isEmpty ? [names[0]] : rule.channels,
                    severity: Severity(rawValue: rule.severity.rawValue), template: try Self.template(rule.template, "\(path).template")))
        }
        self.rules = rules
    }

    /// The rules for an event. None for what this bot itself produces, whatever a pattern says: a notification of a notification has no end.
    func matching(_ type: EventType) -> [Rule] {
        if NotificationOutput.types.contains(type) { return [] }
        return rules.filter { $0.pattern.matches(type) }
    }

    private static func pattern(_ type: EventType, _ path: String) throws(ConfigurationError) -> EventPattern {
        do {
            return try EventPattern(parsing: type.name)
        } catch {
            throw ConfigurationError(path: path, message: "\(error)")
        }
    }

    private static func template(_ text: String?, _ path: String) throws(ConfigurationError) -> Template? {
        guard let text else { return nil }
        do {
            return try Template(parsing: text, syntax: .both)
        } catch {
            throw ConfigurationError(path: path, message: "\(error)")
        }
    }
}
