import BotKit
import Envelopes
import FoundationEssentials

/// `notify.email`: one message to all recipients of the channel, by SMTP. Its `Message-ID` is made of the call's idempotency key, so a repeat is
/// recognisable as the same message.
public struct MailNotifier: CallPerformer {
    private let book: ChannelBook
    private let limiter: ChannelLimiter
    private let clients: ChannelClients

    init(book: ChannelBook, limiter: ChannelLimiter, clients: ChannelClients) {
        self.book = book
        self.limiter = limiter
        self.clients = clients
    }

    public func perform(_ request: Notify<EmailMedium>, _ context: CallContext) async throws(CallFailure) -> Notify<EmailMedium>.Response {
        let channel = try book.channel(request.channel)
        guard case .email(let settings) = channel.settings else { throw .wrongChannel(channel, "mail") }
        let host = try book.filled(settings.host, channel: channel.name)
        let sender = try address(try book.filled(settings.sender, channel: channel.name))
        var recipients: [String] = []
        for recipient in settings.recipients { recipients.append(try address(try book.filled(recipient, channel: channel.name))) }
        let security: SMTPMessage.Security =
            switch settings.security {
            case .none: .none
            case .starttls: .startTLS
            case .tls: .tls
            }
        let mail = SMTPMessage(
            host: host, port: settings.port, security: security,
            user: try settings.user.map { text throws(CallFailure) in try book.filled(text, channel: channel.name) },
            password: try settings.password.map { text throws(CallFailure) in try book.filled(text, channel: channel.name) },
            sender: sender, recipients: recipients,
            data: MailText.data(request.message, from: sender, to: recipients, key: context.idempotencyKey))
        try await limiter.wait(for: channel)
        do {
            // The configuration names its mail server: a relay beside the bot is the usual case.
            try await clients.client(allowing: [host]).send(mail)
        } catch {
            throw error.callFailure
        }
        return Notify.Response()
    }

    /// An address without what could end a line or a command.
    private func address(_ text: String) throws(CallFailure) -> String {
        guard text.contains("@"), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") })
        else {
            throw CallFailure(.permanent, code: "bad-address", message: "a mail address of the channel is none")
        }
        return text
    }
}

/// A message as RFC 5322 and MIME have it: ASCII headers, the text in base64.
enum MailText {
    static func data(_ message: NotificationMessage, from sender: String, to recipients: [String], key: String) -> [UInt8] {
        let subject = "[\(message.severity.rawValue)] \(message.title)"
        let identifier = key.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
        let headers = [
            "Date: \(date(message.milliseconds))", "From: botmesh <\(sender)>",
            "To: \(recipients.map { "<\($0)>" }.joined(separator: ",\r\n "))",
            "Subject: \(encoded(subject))", "Message-ID: <\(identifier)@botmesh>", "Auto-Submitted: auto-generated",
            "X-Botmesh-Notification: \(encoded(message.notificationID))", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
        ]
        var facts: [String] = []
        if let environment = message.environment { facts.append("environment: \(environment)") }
        if let repository = message.repository { facts.append("repository: \(repository)") }
        facts.append("notification: \(message.notificationID)")
        let text = [message.title, message.text, facts.joined(separator: "\r\n")].filter { !$0.isEmpty }.joined(separator: "\r\n\r\n")
        return Array((headers.joined(separator: "\r\n") + "\r\n\r\n" + wrapped(Data(text.utf8).base64EncodedString())).utf8)
    }

    /// A header's text: as it is when printable ASCII, else encoded words of RFC 2047, 75 characters each at most.
    static func encoded(_ text: String) -> String {
        if text.utf8.count <= 900, text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }), !text.contains("=?") { return text }
        var words: [String] = []
        var chunk: [UInt8] = []
        // 39 bytes become 52 characters, so the first line has room for the header's name; no character is split.
        for character in text where !character.isNewline {
            let bytes = Array(String(character).utf8)
            if chunk.count + bytes.count > 39 && !chunk.isEmpty {
                words.append("=?UTF-8?B?\(Data(chunk).base64EncodedString())?=")
                chunk = []
            }
            chunk += bytes
        }
        if !chunk.isEmpty { words.append("=?UTF-8?B?\(Data(chunk).base64EncodedString())?=") }
        return words.joined(separator: "\r\n ")
    }

    private static func wrapped(_ text: String) -> String {
        var lines = ""
        var rest = Substring(text)
        while !rest.isEmpty {
            lines += rest.prefix(76) + "\r\n"
            rest = rest.dropFirst(76)
        }
        return lines
    }

    /// `Thu, 01 Jan 1970 00:00:00 +0000`. Days to a date: Howard Hinnant's `civil_from_days`.
    static func date(_ milliseconds: Int64) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let seconds = Int64((Double(milliseconds) / 1000).rounded(.down))
        let days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
        let clock = seconds - days * 86400
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int((days % 7 + 7) % 7)]
        let name = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][Int(month - 1)]
        return "\(weekday), \(two(day)) \(name) \(year) \(two(clock / 3600)):\(two(clock / 60 % 60)):\(two(clock % 60)) +0000"
    }
}
