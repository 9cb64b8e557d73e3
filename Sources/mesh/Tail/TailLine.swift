import Envelopes
import Kafka
import Terminal

/// One record as one line, for people or for programs.
struct TailLine {
    let format: OutputFormat
    let style: Style
    let showsHeaders: Bool
    /// What is shown of a value that is no envelope, in characters.
    private static let preview = 160

    func bytes(_ record: Record, _ content: RecordContent, payload: () -> JSONValue) -> [UInt8] {
        format == .json ? json(record, content) : Array(text(record, content, payload: payload).utf8)
    }

    // MARK: For people

    /// `2026-11-21T11:44:36.250Z  build.completed[3]@10482  BuildBot  shop@1a2b3c4d (main)  4 steps`.
    func text(_ record: Record, _ content: RecordContent, payload: () -> JSONValue) -> String {
        let place = Self.padded(record.topicPartition.at(record.offset), to: 34)
        var line = style(.grey, Self.time(record)) + "  " + style(Self.colour(record.topic, content), place) + " "
        line += Self.oneLine(body(record, content, payload: payload))
        if let replay = content.envelope?.replay { line += style(.yellow, "  replay \(Self.oneLine(String(replay.prefix(13))))") }
        if showsHeaders {
            for header in record.headers {
                let value = header.value.map { Self.cut(String(decoding: $0, as: UTF8.self)) } ?? "null"
                line += "\n    " + style(.grey, Self.oneLine("\(header.name): \(value)"))
            }
        }
        return line
    }

    private func body(_ record: Record, _ content: RecordContent, payload: () -> JSONValue) -> String {
        var body = ""
        switch content {
        case .envelope(let envelope):
            let payload = payload()
            body = Self.padded(envelope.source, to: 15)
            for words in [EventLine.subject(payload), EventLine.detail(envelope.type, payload)] where !words.isEmpty {
                body += " "
                body += words
            }
        case .plain(let json): body = Self.cut(json.jsonText)
        case .null: body = "null value" + (record.key.map { " for key \(Self.cut(String(decoding: $0, as: UTF8.self)))" } ?? "")
        case .unreadable(let code, let message): body = "no envelope (\(code): \(message)) " + Self.preview(record.value ?? [])
        }
        return OwnTopic.keepsEvents(record.topic) ? body + " " + Self.why(record) : body
    }

    /// The text with its control characters made visible; almost none has any, which its bytes tell.
    private static func oneLine(_ text: String) -> String {
        // C2 begins the control characters beyond ASCII.
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f && $0 != 0xc2 } ? text : text.printable
    }

    private static func time(_ record: Record) -> String {
        record.timestamp.kind == .none ? padded("no time", to: 24) : Timestamp(milliseconds: record.timestamp.milliseconds).text
    }

    private static func padded(_ text: String, to width: Int) -> String {
        let missing = width - text.utf8.count
        return missing > 0 ? text + String(repeating: " ", count: missing) : text
    }

    private static func colour(_ topic: String, _ content: RecordContent) -> Style.Colour {
        switch content {
        case .envelope: topic == OwnTopic.deadLetters ? .red : EventLine.colour(topic)
        case .plain: .grey
        case .null: .yellow
        case .unreadable: .red
        }
    }

    /// Why a record lies on a dead-letter or retry topic.
    private static func why(_ record: Record) -> String {
        var words: [String] = []
        if let origin = RecordOrigin(record) { words.append("from \(TopicPartition(origin.topic, origin.partition).at(origin.offset))") }
        if let bot = record.text("mesh_bot") { words.append("by \(bot)") }
        if let code = record.text("mesh_error_code") { words.append(code) }
        if let message = record.text("kafka_dlt-exception-message") { words.append(message) }
        if let due = record.text("mesh_not_before").flatMap({ Int64($0) }) { words.append("due \(Timestamp(milliseconds: due).text)") }
        return "(" + cut(words.joined(separator: ", ")) + ")"
    }

    private static func preview(_ value: [UInt8]) -> String {
        guard let text = String(validating: value.prefix(4 * preview), as: UTF8.self) ?? String(validating: value, as: UTF8.self) else {
            let digits = value.prefix(32).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            return "0x\(digits)\(value.count > 32 ? "…" : "") (\(HumanText.bytes(value.count)))"
        }
        return cut(text)
    }

    private static func cut(_ text: String) -> String {
        text.utf8.count <= preview || text.count <= preview ? text : text.prefix(preview - 1) + "…"
    }

    // MARK: For programs

    /// `topic`, `partition`, `offset`, `timestamp` and `key`; then `envelope` in its flat form, or `value` (JSON of the mesh's own), or `value`/`value_base64` with `problem`.
    private func json(_ record: Record, _ content: RecordContent) -> [UInt8] {
        var line = JSONLine()
        switch content {
        case .envelope(let envelope): line.member("envelope", raw: EnvelopeCodec().encode(envelope).value)
        default: break
        }
        if showsHeaders { line.member("headers", raw: headers(record)) }
        if let key = record.key { line.member("key", bytes: key) } else { line.member("key", raw: JSONLine.null) }
        line.member("offset", record.offset)
        line.member("partition", Int64(record.partition))
        switch content {
        case .unreadable(let code, let message): line.member("problem", "\(code): \(message)")
        default: break
        }
        if record.timestamp.kind != .none { line.member("timestamp", Timestamp(milliseconds: record.timestamp.milliseconds).text) }
        line.member("topic", record.topic)
        switch content {
        case .envelope: break
        case .plain(let json): line.member("value", raw: json.bytes)
        case .null: line.member("value", raw: JSONLine.null)
        case .unreadable: line.member("value", bytes: record.value ?? [])
        }
        return line.finished
    }

    /// An object; of two headers with one name the later stands, as with Kafka's own clients.
    private func headers(_ record: Record) -> [UInt8] {
        var line = JSONLine()
        var seen: Set<String> = []
        for header in record.headers.reversed() where seen.insert(header.name).inserted {
            if let value = header.value { line.member(header.name, bytes: value) } else { line.member(header.name, raw: JSONLine.null) }
        }
        return line.finished
    }
}
