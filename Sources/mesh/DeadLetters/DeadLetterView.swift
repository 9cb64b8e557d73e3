import Envelopes
import Kafka
import Terminal

/// One dead letter as `--format json` prints it in a list.
struct DeadLetterRow: Encodable {
    let entry: DeadLetterBox.Entry
    let now: Timestamp

    enum CodingKeys: String, CodingKey {
        case partition, offset, at, bot, reason, message, topic, attempts, redrives, state
        case ageSeconds = "age_seconds"
        case originPartition = "origin_partition"
        case originOffset = "origin_offset"
        case firstFailure = "first_failure"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try encode(into: &container)
    }

    func encode(into container: inout KeyedEncodingContainer<CodingKeys>) throws {
        let letter = entry.letter
        try container.encode(letter.place.partition, forKey: .partition)
        try container.encode(letter.place.offset, forKey: .offset)
        try container.encodeIfPresent(letter.time?.text, forKey: .at)
        try container.encodeIfPresent(letter.time.map { now.duration(since: $0) / .seconds(1) }, forKey: .ageSeconds)
        try container.encodeIfPresent(letter.bot, forKey: .bot)
        try container.encode(letter.code, forKey: .reason)
        try container.encode(letter.message, forKey: .message)
        try container.encodeIfPresent(letter.origin?.topic, forKey: .topic)
        try container.encodeIfPresent(letter.origin?.partition, forKey: .originPartition)
        try container.encodeIfPresent(letter.origin?.offset, forKey: .originOffset)
        try container.encodeIfPresent(letter.attempts, forKey: .attempts)
        try container.encodeIfPresent(letter.firstFailure.map { Timestamp(milliseconds: $0).clampedToText.text }, forKey: .firstFailure)
        try container.encode(letter.redrives, forKey: .redrives)
        try container.encode(entry.state, forKey: .state)
    }
}

extension DeadLetter {
    /// When it was given up; nil when the record does not say.
    var time: Timestamp? { timestamp < 0 ? nil : Timestamp(milliseconds: timestamp).clampedToText }
}

extension Newest where Element == DeadLetterBox.Entry {
    static func deadLetters(_ most: Int) -> Newest {
        Newest(most) { ($0.letter.timestamp, $0.letter.place) < ($1.letter.timestamp, $1.letter.place) }
    }
}

/// Dead letters for people.
enum DeadLetterText {
    private static let columns: [Column] = [
        "PLACE", Column("AGE", .right), "BOT", "REASON", "ORIGIN", Column("TRIES", .right), Column("REDRIVES", .right), "STATE", "MESSAGE",
    ]

    private static func row(_ entry: DeadLetterBox.Entry, now: Timestamp, style: Style) -> [String] {
        let letter = entry.letter
        return [
            letter.place.description, letter.time.map { HumanText.duration(max(.zero, now.duration(since: $0))) } ?? "?",
            (letter.bot ?? "?").printable, letter.code.printable, letter.origin?.description.printable ?? "?",
            letter.attempts.map(String.init) ?? "?", String(letter.redrives), state(entry.state, style), letter.message.printable,
        ]
    }

    static func list(_ entries: [DeadLetterBox.Entry], now: Timestamp, style: Style) -> DetailedTable {
        DetailedTable(
            columns: columns, rows: entries.map { row($0, now: now, style: style) }, kept: [0, 1, 2, 3, 7],
            details: entries.map { why($0.letter) })
    }

    /// `from build.completed[3]@10482, 2 attempts: the payload has no 'artifact'`.
    private static func why(_ letter: DeadLetter) -> String {
        var facts = ["from \(letter.origin?.description.printable ?? "nobody knows where")"]
        if let attempts = letter.attempts { facts.append(counted(attempts, "attempt")) }
        if letter.redrives > 0 { facts.append(counted(letter.redrives, "redrive")) }
        return "\(facts.joined(separator: ", ")): \(letter.message.printable)"
    }

    static func state(_ state: DeadLetterState, _ style: Style) -> String {
        switch state {
        case .open: style(.red, state.rawValue)
        case .quarantined: style(.yellow, state.rawValue)
        case .redriven: style(.green, state.rawValue)
        case .purged: style(.grey, state.rawValue)
        }
    }

    static let statsColumns: [Column] = [
        Column("OPEN", .right), Column("QUARANTINED", .right), Column("REDRIVEN", .right), Column("PURGED", .right),
    ]

    static func counts(_ counts: DeadLetterStats.Counts) -> [String] {
        [DeadLetterState.open, .quarantined, .redriven, .purged].map { HumanText.count(counts[$0]) }
    }
}

/// Bytes of which nobody knows what they are, as lines for people: text where they are text, else hexadecimal beside it.
enum BytesText {
    /// So many bytes are shown, unless all are asked for.
    static let standard = 4_096

    static func lines(_ bytes: [UInt8], isWhole: Bool) -> [String] {
        let shown = isWhole ? bytes[...] : bytes.prefix(standard)
        let rest = bytes.count - shown.count
        let more = rest > 0 ? ["… \(HumanText.count(rest)) bytes more; --full shows them"] : []
        if let text = text(shown, isCut: rest > 0) {
            return text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable } + more
        }
        return stride(from: shown.startIndex, to: shown.endIndex, by: 16).map { start in
            hex(shown[start..<min(start + 16, shown.endIndex)], at: start)
        } + more
    }

    /// The bytes as text, where they are UTF-8; up to three bytes of a character that was cut are left out.
    private static func text(_ bytes: ArraySlice<UInt8>, isCut: Bool) -> String? {
        for dropped in 0...(isCut ? 3 : 0) {
            if let text = String(validating: bytes.dropLast(dropped), as: UTF8.self) { return text.contains("\0") ? nil : text }
        }
        return nil
    }

    private static func hex(_ bytes: ArraySlice<UInt8>, at offset: Int) -> String {
        func digits(_ number: Int, _ width: Int) -> String {
            let text = String(number, radix: 16)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let columns = bytes.map { digits(Int($0), 2) }.joined(separator: " ")
        let text = String(decoding: bytes.map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
        return digits(offset, 8) + "  " + columns + String(repeating: " ", count: 3 * (16 - bytes.count) + 2) + text
    }
}
