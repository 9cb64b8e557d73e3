import Envelopes
import Kafka
import Terminal

/// One dead letter whole.
struct DeadLetterPage: Encodable {
    let entry: DeadLetterBox.Entry
    let mark: MarkBook.Mark?
    /// Whether all of a long value is shown.
    let isWhole: Bool
    let now: Timestamp

    enum CodingKeys: String, CodingKey {
        case key, headers, envelope, value, trace, mark
        case envelopeError = "envelope_error"
        case isTombstone = "is_null"
    }

    private struct HeaderRow: Encodable {
        let name: String
        let value: String?
    }

    private struct MarkRow: Encodable {
        let state: DeadLetterMark.State
        let by: String
        let at: String
    }

    func encode(to encoder: any Encoder) throws {
        try DeadLetterRow(entry: entry, now: now).encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        let record = entry.letter.record
        try container.encodeIfPresent(record.key.map(Self.text), forKey: .key)
        try container.encodeIfPresent(entry.letter.trace, forKey: .trace)
        try container.encode(record.headers.map { HeaderRow(name: $0.name, value: $0.value.map(Self.text)) }, forKey: .headers)
        try container.encodeIfPresent(mark.map { MarkRow(state: $0.state, by: $0.by, at: $0.at) }, forKey: .mark)
        switch entry.letter.envelope() {
        case .success(let envelope):
            try container.encode(envelope.json, forKey: .envelope)
        case .failure(let error):
            try container.encode(error.description, forKey: .envelopeError)
            if let value = record.value {
                try container.encode(Self.text(value), forKey: .value)
            } else {
                try container.encode(true, forKey: .isTombstone)
            }
        }
    }

    /// Text as it is; other bytes as `hex:…`.
    private static func text(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        return "hex:" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    // MARK: for people

    func lines(_ style: Style) -> [String] {
        let letter = entry.letter
        var fields: [(String, String)] = [
            ("state", DeadLetterText.state(entry.state, style) + (mark.map { " by \($0.by.printable) at \($0.at.printable)" } ?? "")),
            ("bot", letter.bot?.printable ?? "unknown: no bot of this mesh wrote it"),
            ("reason", "\(letter.code.printable): \(letter.message.printable)"),
            ("given up", Self.time(letter.time, now)),
        ]
        if let first = letter.firstFailure {
            fields.append(("first failure", Self.time(Timestamp(milliseconds: first).clampedToText, now)))
        }
        if let trace = letter.trace { fields.append(("where", trace.printable)) }
        fields.append(("origin", letter.origin.map(\.description)?.printable ?? "unknown"))
        fields.append(("attempts", letter.attempts.map(String.init) ?? "unknown"))
        fields.append(("redrives", String(letter.redrives)))
        fields.append(("key", letter.record.key.map { Self.text($0).printable } ?? "null"))
        for header in letter.record.headers where !RecordHeader.isOwn(header.name) {
            fields.append(("header", "\(header.name.printable): \(header.value.map { Self.text($0).printable } ?? "null")"))
        }
        let width = fields.map(\.0.count).max() ?? 0
        return [style(.bold, "\(OwnTopic.deadLetters)[\(letter.place.partition)]@\(letter.place.offset)")]
            + fields.map { name, value in "  \(style(.grey, name))\(String(repeating: " ", count: width - name.count + 2))\(value)" }
            + content(style)
    }

    private func content(_ style: Style) -> [String] {
        switch entry.letter.envelope() {
        case .success(let envelope):
            let json = envelope.json
            return [style(.grey, "  envelope")]
                + PrettyJSON.text(json, order: Self.order).split(separator: "\n").map { "  " + String($0).printable }
        case .failure(let error):
            guard let value = entry.letter.record.value else { return [style(.grey, "  the value is null")] }
            return [style(.grey, "  no envelope (\(error.code.rawValue)); \(HumanText.bytes(value.count))")]
                + BytesText.lines(value, isWhole: isWhole).map { "  " + $0 }
        }
    }

    /// An envelope's fields as its first readers expect them.
    private static let order = [
        "id", "type", "version", "source", "timestamp", "priority", "correlation_id", "causation_id", "ttl", "destination", "payload",
    ]

    private static func time(_ time: Timestamp?, _ now: Timestamp) -> String {
        guard let time else { return "unknown" }
        return "\(time.text) (\(HumanText.duration(max(.zero, now.duration(since: time)))) ago)"
    }
}
