import BotKit
import Envelopes

/// `send_message`: an event of the configuration's making.
struct CustomMessage: Sendable {
    let eventType: EventType
    let payload: CustomTemplate
    let key: Template?
    let priority: Priority?

    init(_ parameters: [String: JSONValue], _ path: String) throws(ConfigurationError) {
        try CustomAction.refuseStrangers(parameters, known: ["event", "payload", "severity", "priority", "key"], path)
        guard let event = parameters["event"]?.string, EventType(event).isLegal else {
            throw ConfigurationError(path: "\(path).parameters.event", message: "is missing or no event type, expected e.g. docs.updated")
        }
        eventType = EventType(event)
        var members = parameters["payload"]?.object ?? [:]
        if let severity = parameters["severity"], members["severity"] == nil { members["severity"] = severity }
        payload = try CustomTemplate(.object(members), "\(path).parameters.payload")
        key = try parameters["key"]?.string.map { text throws(ConfigurationError) in
            try CustomTemplate.template(text, "\(path).parameters.key")
        }
        priority = try CustomAction.priority(parameters, path)
    }

    func output(_ values: CustomValues) -> CustomOutput {
        let key = key?.render(values.value)
        return CustomOutput(
            eventType: eventType, content: payload.render(values.value) ?? .object([:]), priority: priority,
            key: key?.isEmpty == false ? key : nil)
    }
}

/// `send_notification`: a `notification.requested`.
struct CustomNotification: Sendable {
    let fields: CustomTemplate
    private let priority: Priority?

    init(_ parameters: [String: JSONValue], _ path: String) throws(ConfigurationError) {
        try CustomAction.refuseStrangers(parameters, known: ["title", "text", "severity", "channels", "priority", "dedup_key"], path)
        guard parameters["title"]?.string != nil else {
            throw ConfigurationError(path: "\(path).parameters.title", message: "is missing, expected the notification's headline")
        }
        if let severity = parameters["severity"]?.string, Severity(rawValue: severity) == nil, !severity.contains("${") {
            throw ConfigurationError(path: "\(path).parameters.severity", message: "'\(severity)' is not one of critical, warning, info")
        }
        fields = try CustomTemplate(.object(parameters.filter { $0.key != "priority" }), "\(path).parameters")
        priority = try CustomAction.priority(parameters, path)
    }

    func output(_ values: CustomValues) -> CustomOutput {
        let filled = fields.render(values.value) ?? .object([:])
        func text(_ name: String) -> String? { filled[name]?.plainText }
        var content: [String: JSONValue] = [
            "title": .string(String((text("title") ?? "").prefix(500))), "text": .string(String((text("text") ?? "").prefix(8000))),
            "severity": .string((text("severity").flatMap(Severity.init(rawValue:)) ?? .info).rawValue),
            "channels": .array(filled["channels"]?.array ?? filled["channels"]?.string.map { [.string($0)] } ?? []),
            "event_type": .string(values.event.type.name),
        ]
        if let key = text("dedup_key"), !key.isEmpty { content["dedup_key"] = .string(String(key.prefix(500))) }
        for name in ["repository", "environment"] {
            if let value = values.payload[name]?.string { content[name] = .string(value) }
        }
        if content["title"] == .string("") { content["title"] = .string(values.event.type.name) }
        return CustomOutput(eventType: NotificationRequested.type, content: .object(content), priority: priority, key: text("dedup_key"))
    }
}

extension CustomAction {
    static func priority(_ parameters: [String: JSONValue], _ path: String) throws(ConfigurationError) -> Priority? {
        guard let text = parameters["priority"]?.string else { return nil }
        guard let priority = Priority(rawValue: text) else {
            throw ConfigurationError(path: "\(path).parameters.priority", message: "'\(text)' is not one of critical, high, medium, low")
        }
        return priority
    }
}
