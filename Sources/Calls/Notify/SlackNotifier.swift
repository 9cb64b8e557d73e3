import BotKit
import Envelopes

/// `notify.slack`: an incoming webhook of Slack's format; 200 with the body `ok` is success.
public struct SlackNotifier: CallPerformer {
    private let book: ChannelBook
    private let sender: WebhookSender

    init(book: ChannelBook, sender: WebhookSender) {
        self.book = book
        self.sender = sender
    }

    public func perform(_ request: Notify<SlackMedium>, _ context: CallContext) async throws(CallFailure) -> Notify<SlackMedium>.Response {
        let channel = try book.channel(request.channel)
        guard case .slack(let template) = channel.settings else { throw .wrongChannel(channel, "Slack") }
        let url = try book.filled(template, channel: channel.name)
        try await sender.post(Self.body(request.message), to: url, channel: channel, key: context.idempotencyKey) { response in
            response.status == 200 && response.text.trimmingSpace == "ok"
        }
        return Notify.Response()
    }

    /// `{text, blocks}`: the text is what notifications and old clients show. A section takes at most 3000 characters.
    static func body(_ message: NotificationMessage) -> JSONValue {
        let sign =
            switch (message.action, message.severity) {
            case (.resolve, _): ":white_check_mark:"
            case (_, .critical): ":red_circle:"
            case (_, .warning): ":large_orange_circle:"
            case (_, .info): ":large_blue_circle:"
            }
        let title = escaped(message.title)
        let text = message.text.isEmpty ? "" : "\n\(escaped(message.text))"
        var blocks: [JSONValue] = [
            .object([
                "type": .string("section"),
                "text": .object(["type": .string("mrkdwn"), "text": .string(cut("\(sign) *\(title)*\(text)", 3000))]),
            ])
        ]
        let facts = [
            message.environment.map { "environment \($0)" }, message.repository, message.eventType?.name, "id \(message.notificationID)",
        ].compactMap(\.self).map { JSONValue.object(["type": .string("mrkdwn"), "text": .string(cut(escaped($0), 1900))]) }
        blocks.append(.object(["type": .string("context"), "elements": .array(facts)]))
        return .object(["text": .string(cut("\(title)\(text)", 3000)), "blocks": .array(blocks)])
    }

    /// Slack's three control characters as entities, so that no text becomes a link or a mention.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    /// At most `count` UTF-16 units, as Slack counts them, and no half entity at the end.
    static func cut(_ text: String, _ count: Int) -> String {
        guard text.utf16.count > count else { return text }
        var kept = ""
        var units = 0
        for character in text {
            units += character.utf16.count
            if units > count - 1 { break }
            kept.append(character)
        }
        if let start = kept.lastIndex(of: "&"), !kept[start...].contains(";") { kept = String(kept[..<start]) }
        return kept + "…"
    }
}
