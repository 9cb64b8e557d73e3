import BotKit
import Envelopes

/// What an event is told as, and where: the rules applied, templates filled in.
struct NotificationContent {
    struct Target: Equatable {
        let channel: String
        let message: NotificationMessage
    }
    /// In the words of the first rule that matches, else the event's own.
    let message: NotificationMessage
    let channels: [Target]
    /// Whether the same matter may be told of by a later event.
    let canComeAgain: Bool

    init(_ event: Event, rules: NotificationRules, firstChannel: String, id: String) throws(Rejection) {
        if event.type == NotificationRequested.type {
            try self.init(request: event, rules: rules, firstChannel: firstChannel, id: id)
        } else {
            try self.init(told: event, rules: rules, id: id)
        }
    }

    /// The message in the words that this channel gets.
    func message(for channel: String) -> NotificationMessage { channels.first { $0.channel == channel }?.message ?? message }

    private init(request event: Event, rules: NotificationRules, firstChannel: String, id: String) throws(Rejection) {
        let request = try event.decode(NotificationRequested.self)
        let message = NotificationMessage(
            notificationID: id, title: Self.oneLine(request.title) ?? "Notification", text: bounded(request.text, 8000),
            severity: request.severity,
            eventType: request.eventType, repository: request.repository, environment: request.environment,
            milliseconds: event.envelope.timestamp.milliseconds)
        var names = request.channels
        if names.isEmpty {
            names = (rules.matching(event.type) + (request.eventType.map { rules.matching($0) } ?? [])).flatMap(\.channels)
        }
        if names.isEmpty { names = [firstChannel] }
        var seen: Set<String> = []
        self.message = message
        channels = names.filter { seen.insert($0).inserted }.map { Target(channel: $0, message: message) }
        canComeAgain = request.dedupKey != nil
    }

    private init(told event: Event, rules: NotificationRules, id: String) throws(Rejection) {
        let payload: JSONValue
        do {
            payload = try JSONValue.parse(event.envelope.payload)
        } catch {
            throw .permanent("invalid-payload", "payload of \(event.type) is not readable as JSON")
        }
        let words = EventText(event.type, payload)
        func message(_ rule: NotificationRules.Rule?) -> NotificationMessage {
            var (title, text) = (words.title, words.text)
            if let template = rule?.template {
                let rendered = template.render { Self.value($0, payload, event) }
                let headline = String(rendered.prefix { !$0.isNewline })
                title = headline
                text = rendered.contains(where: \.isNewline) ? String(rendered.drop { !$0.isNewline }.dropFirst()) : text
            }
            return NotificationMessage(
                notificationID: id, action: event.type == AlertResolved.type ? .resolve : .trigger,
                title: Self.oneLine(title) ?? Self.oneLine(words.title) ?? event.type.name,
                text: bounded(text, 8000), severity: rule?.severity ?? words.severity, eventType: event.type,
                repository: payload["repository"]?.string, environment: payload["environment"]?.string,
                milliseconds: event.envelope.timestamp.milliseconds)
        }
        let matching = rules.matching(event.type)
        var targets: [Target] = []
        for rule in matching {
            for channel in rule.channels where !targets.contains(where: { $0.channel == channel }) {
                targets.append(Target(channel: channel, message: message(rule)))
            }
        }
        self.message = message(matching.first)
        channels = targets
        canComeAgain = event.type == AlertTriggered.type
    }

    /// A name of a template: a field of the payload, else of the envelope.
    private static func value(_ name: String, _ payload: JSONValue, _ event: Event) -> JSONValue? {
        if let value = payload[dotted: name] { return value }
        switch name {
        case "type", "event": return .string(event.type.name)
        case "source": return .string(event.envelope.source)
        case "id": return .string(event.envelope.id.text)
        case "correlation_id": return .string(event.envelope.correlationID)
        case "priority": return .string(event.envelope.priority.rawValue)
        default: return nil
        }
    }

    /// A headline: no control characters, 250 characters at most; nil when nothing to read is left.
    private static func oneLine(_ text: String) -> String? {
        let line = String(
            text.map { $0.isNewline || $0 == "\t" ? " " : $0 }.filter { !($0.asciiValue.map { $0 < 0x20 || $0 == 0x7f } ?? false) })
        return line.contains { !$0.isWhitespace } ? bounded(line, 250) : nil
    }
}
