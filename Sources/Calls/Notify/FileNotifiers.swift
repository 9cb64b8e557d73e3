import BotKit
import Envelopes

/// `notify.console`: one line for people in `<data directory>/notifications.log`, which `mesh up` shows.
public struct ConsoleNotifier: CallPerformer {
    private let path: String

    init(dataDirectory: String) { path = "\(dataDirectory)/notifications.log" }

    public func perform(
        _ request: Notify<ConsoleMedium>, _ context: CallContext
    ) async throws(CallFailure) -> Notify<ConsoleMedium>.Response {
        let line = Self.line(request.message)
        try await NotificationFile(path: path).append(line, unlessThere: context.isRepeat ? line : nil)
        return Notify.Response()
    }

    /// `2026-01-01T12:00:00Z CRITICAL Build failed: … — the reason`, without control characters.
    static func line(_ message: NotificationMessage) -> String {
        let word =
            switch (message.action, message.severity) {
            case (.resolve, _): "RESOLVED"
            case (_, .critical): "CRITICAL"
            case (_, .warning): "WARNING "
            case (_, .info): "INFO    "
            }
        let text = message.text.split(whereSeparator: \.isNewline).joined(separator: " | ")
        let time = Timestamp(milliseconds: message.milliseconds - message.milliseconds % 1000).text.replacing(".000Z", with: "Z")
        let line = "\(time) \(word) \(message.title)\(text.isEmpty ? "" : " — \(text)")"
        return String(
            line.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f || (0x80...0x9f).contains($0.value) ? " " : Character($0) })
    }
}

/// `notify.file`: one JSON object a line.
public struct FileNotifier: CallPerformer {
    private let book: ChannelBook

    init(book: ChannelBook) { self.book = book }

    public func perform(_ request: Notify<FileMedium>, _ context: CallContext) async throws(CallFailure) -> Notify<FileMedium>.Response {
        let channel = try book.channel(request.channel)
        guard case .file(let path) = channel.settings else { throw .wrongChannel(channel, "file") }
        let message = request.message
        var entry: [String: JSONValue] = [
            "id": .string(context.idempotencyKey), "notification_id": .string(message.notificationID),
            "action": .string(message.action.rawValue), "time": .string(Timestamp(milliseconds: message.milliseconds).text),
            "severity": .string(message.severity.rawValue), "title": .string(message.title), "text": .string(message.text),
        ]
        entry["event_type"] = message.eventType.map { .string($0.name) }
        entry["repository"] = message.repository.map(JSONValue.string)
        entry["environment"] = message.environment.map(JSONValue.string)
        let line = String(decoding: JSONValue.object(entry).bytes, as: UTF8.self)
        try await NotificationFile(path: path).append(line, unlessThere: context.isRepeat ? "\"id\":\"\(context.idempotencyKey)\"" : nil)
        return Notify.Response()
    }
}

/// A file of lines that several processes append to. At 16 MiB it is renamed to `.1`.
struct NotificationFile: Sendable {
    static let maximumBytes = 16 << 20
    let path: String

    /// - Parameter mark: a text of the line; when the file's end has it, an earlier process has written the line, and nothing is added.
    func append(_ line: String, unlessThere mark: String?) async throws(CallFailure) {
        let result = await onOwnThread { [path] () -> Result<Void, CallFailure> in
            do throws(FileError) {
                if let mark, String(decoding: try Files.readEnd(path, limit: 1 << 20), as: UTF8.self).contains(mark) { return .success(()) }
                if let slash = path.lastIndex(of: "/") { try Files.makeDirectories(String(path[..<slash])) }
                if Files.size(path) > Self.maximumBytes { try Files.rename(path, "\(path).1") }
                try Files.append(Array("\(line)\n".utf8), to: path)
                return .success(())
            } catch {
                return .failure(CallFailure(.transient, code: "file-error", message: error.description))
            }
        }
        try result.get()
    }
}

extension CallFailure {
    static func wrongChannel(_ channel: NotificationChannel, _ wanted: String) -> CallFailure {
        CallFailure(.permanent, code: "wrong-channel", message: "channel '\(channel.name)' is no \(wanted) channel")
    }
}
