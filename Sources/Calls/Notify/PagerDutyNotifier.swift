import BotKit
import Envelopes

/// `notify.pagerduty`: Events API v2; 202 is success, and only 429, 5xx and network errors are tried again.
public struct PagerDutyNotifier: CallPerformer {
    private let book: ChannelBook
    private let sender: WebhookSender

    init(book: ChannelBook, sender: WebhookSender) {
        self.book = book
        self.sender = sender
    }

    public func perform(
        _ request: Notify<PagerDutyMedium>, _ context: CallContext
    ) async throws(CallFailure) -> Notify<PagerDutyMedium>.Response {
        let channel = try book.channel(request.channel)
        guard case .pagerDuty(let key, let url) = channel.settings else { throw .wrongChannel(channel, "PagerDuty") }
        let body = Self.body(request.message, routingKey: try book.filled(key, channel: channel.name))
        try await sender.post(
            body, to: try book.filled(url, channel: channel.name), channel: channel, key: context.idempotencyKey
        ) { $0.status == 202 }
        return Notify.Response()
    }

    static func body(_ message: NotificationMessage, routingKey: String) -> JSONValue {
        var event: [String: JSONValue] = [
            "routing_key": .string(routingKey), "event_action": .string(message.action.rawValue),
            // The same key for all of one matter: PagerDuty keeps one incident for it. 255 characters at most.
            "dedup_key": .string(String(message.notificationID.prefix(255))),
        ]
        guard message.action == .trigger else { return .object(event) }
        var payload: [String: JSONValue] = [
            "summary": .string(String(message.title.prefix(1024))), "source": .string(message.repository ?? "botmesh"),
            "severity": .string(message.severity.rawValue), "timestamp": .string(Timestamp(milliseconds: message.milliseconds).text),
            "custom_details": .object([
                "text": .string(String(message.text.prefix(4000))), "notification_id": .string(message.notificationID),
            ]),
        ]
        if let repository = message.repository { payload["component"] = .string(repository) }
        if let environment = message.environment { payload["group"] = .string(environment) }
        if let type = message.eventType { payload["class"] = .string(type.name) }
        event["payload"] = .object(payload)
        return .object(event)
    }
}
