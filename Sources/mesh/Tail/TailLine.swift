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

    func bytes(_ record: Record, _ content: RecordContent) -> [UInt8] {
        format == .json ? json(record, content) : text(record, content)
    }

    // MARK: For people

    /// `2026-11-21T11:44:36.250Z  build.completed[3]@10482  BuildBot  shop@1a2b3c4d (main)  4 steps`.
    private func text(_ record: Record, _ content: RecordContent) -> [UInt8] {
        var line = TextLine(style)
        line.add(.grey, Self.time(record))
        line.add("  ")
        line.add(style.isColoured ? Self.colour(record.topic, content) : .grey, width: 34) { line in
            line.add(record.topic)
            line.add("[")
            line.add(Int64(record.partition))
            line.add("]@")
            line.add(record.offset)
        }
        line.add(" ")
        line.addPrintable { line in body(of: record, content, &line) }
        if let replay = content.envelope?.replay {
            line.add(.yellow, "  replay \(String(replay.prefix(13)).printable)")
        }
        if showsHeaders {
            for header in record.headers {
                let value = header.value.map { Self.cut(String(decoding: $0, as: UTF8.self)) } ?? "null"
                line.add("\n    ")
                line.add(.grey, "\(header.name): \(value)".printable)
            }
        }
        return line.bytes
    }

    private func body(of record: Record, _ content: RecordContent, _ line: inout TextLine) {
        switch content {
        case .envelope(let envelope):
            let fields = PickedFields(envelope.payload)
            line.pad(to: 15) { $0.add(envelope.source) }
            line.addWord(EventLine.subject(fields))
            line.addWord(EventLine.detail(envelope.type, fields))
        case .plain(let json): line.add(Self.cut(json.jsonText))
        case .null:
            line.add("null value")
            if let key = record.key { line.add(" for key \(Self.cut(String(decoding: key, as: UTF8.self)))") }
        case .unreadable(let code, let message): line.add("no envelope (\(code): \(message)) \(Self.preview(record.value ?? []))")
        }
        if OwnTopic.isOwn(record.topic), OwnTopic.keepsEvents(record.topic) { line.addWord(Self.why(record)) }
    }

    private static func time(_ record: Record) -> String {
        guard record.timestamp.kind != .none else { return "no time" + String(repeating: " ", count: 17) }
        return Timestamp(milliseconds: record.timestamp.milliseconds).text
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
        var line = JSONLine(expected: 192 + (record.value?.count ?? 0))
        switch content {
        case .envelope(let envelope): line.member("envelope", raw: EnvelopeCodec().value(of: envelope))
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
        return line.finished()
    }

    /// An object; of two headers with one name the later stands, as with Kafka's own clients.
    private func headers(_ record: Record) -> [UInt8] {
        var line = JSONLine()
        var seen: Set<String> = []
        for header in record.headers.reversed() where seen.insert(header.name).inserted {
            if let value = header.value { line.member(header.name, bytes: value) } else { line.member(header.name, raw: JSONLine.null) }
        }
        return line.finished()
    }
}
