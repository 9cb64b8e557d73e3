import Envelopes
import Terminal

/// What has become of a dead letter.
enum DeadLetterState: String, CaseIterable, Sendable, Encodable {
    /// Nobody has done anything about it.
    case open
    /// Put back so often that it is not put back again without `--force`.
    case quarantined
    case redriven
    case purged

    /// So many redrives, and a dead letter is quarantined, unless a flag says other.
    static let standardLimit = 3

    init(_ letter: DeadLetter, mark: MarkBook.Mark?, limit: Int) {
        switch mark?.state {
        case .redriven: self = .redriven
        case .purged: self = .purged
        case nil: self = letter.redrives >= limit ? .quarantined : .open
        }
    }
}

/// The marks on `mesh.dlq_marks`, as far as they stand.
struct MarkBook: Sendable {
    struct Mark: Sendable, Equatable {
        let state: DeadLetterMark.State
        /// Of the dead letter.
        let timestamp: Int64
        let by: String
        let at: String
    }

    private var marks: [DeadLetterPlace: Mark] = [:]
    /// Each name once, however many marks it has made.
    private var names: [String: String] = [:]

    var count: Int { marks.count }

    /// Takes the next record of the topic; the last one of a key holds, and a null value takes the mark back. What is no mark counts for nothing: false.
    @discardableResult
    mutating func take(key: [UInt8]?, value: [UInt8]?) -> Bool {
        guard let key, let place = DeadLetterPlace(String(decoding: key, as: UTF8.self)) else { return false }
        guard let value else {
            marks[place] = nil
            return true
        }
        guard let mark = try? JSONCoder.decode(DeadLetterMark.self, from: value) else { return false }
        let name = names[mark.by] ?? mark.by
        if names.count < 1_000 { names[mark.by] = name }
        marks[place] = Mark(state: mark.state, timestamp: mark.timestamp, by: name, at: mark.at)
        return true
    }

    /// The mark of that very dead letter: one of another record that once had its place does not count.
    subscript(_ letter: DeadLetter) -> Mark? {
        guard let mark = marks[letter.place], mark.timestamp == letter.timestamp else { return nil }
        return mark
    }

    func isPurged(_ letter: DeadLetter) -> Bool { self[letter]?.state == .purged }

    /// Marks whose dead letters are gone: below the lowest offset of their partition, or in a partition that there is not.
    func stale(lows: [Int32: Int64]) -> [DeadLetterPlace] {
        marks.keys.filter { place in lows[place.partition].map { place.offset < $0 } ?? true }.sorted()
    }
}

/// Records of `mesh.dlq_marks` that cannot be read as marks: dead letters that they were about show as if nobody had done anything.
struct UnreadableMarks: Sendable {
    private(set) var count = 0
    private var first: [String] = []
    private static let named = 5

    mutating func add(_ place: String) {
        count += 1
        if first.count < Self.named { first.append(place) }
    }

    /// What people are told; nil where there are none.
    var message: String? {
        guard count > 0 else { return nil }
        let more = count > first.count ? " and \(HumanText.count(count - first.count)) more" : ""
        let names = first.joined(separator: ", ") + more
        return count == 1
            ? "a record of \(DeadLetterMark.topic) is no mark and counts for nothing: \(names)"
            : "\(HumanText.count(count)) records of \(DeadLetterMark.topic) are no marks and count for nothing: \(names)"
    }
}
