/// One field of a cron expression, and where it stands.
struct CronField {
    let text: Substring
    /// From 1.
    let column: Int

    enum Kind: String, CaseIterable {
        case minute, hour
        case dayOfMonth = "day of month"
        case month
        case dayOfWeek = "day of week"

        var range: ClosedRange<Int> {
            switch self {
            case .minute: 0...59
            case .hour: 0...23
            case .dayOfMonth: 1...31
            case .month: 1...12
            case .dayOfWeek: 0...7
            }
        }

        /// The names, the first for the range's lower bound.
        var names: [String] {
            switch self {
            case .month: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
            case .dayOfWeek: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
            default: []
            }
        }
    }

    static func split(_ text: String) -> [CronField] {
        text.split(whereSeparator: { $0 == " " || $0 == "\t" }).map { field in
            CronField(text: field, column: text.distance(from: text.startIndex, to: field.startIndex) + 1)
        }
    }

    /// The values of the field as bits.
    static func set(_ field: CronField, _ kind: Kind) throws(LanguageError) -> UInt64 {
        var bits: UInt64 = 0
        for item in field.text.split(separator: ",", omittingEmptySubsequences: false) {
            for value in try values(item, field, kind) { bits |= 1 << UInt64(kind == .dayOfWeek && value == 7 ? 0 : value) }
        }
        return bits
    }

    private static func values(_ item: Substring, _ field: CronField, _ kind: Kind) throws(LanguageError) -> StrideThrough<Int> {
        func fail(_ message: String) -> LanguageError {
            LanguageError(column: field.column, message: "\(kind.rawValue) '\(field.text)': \(message)")
        }
        let parts = item.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let base = parts.first, !base.isEmpty else {
            throw fail("expected a number, a range, '*', or one of these with '/step'")
        }
        var step = 1
        if parts.count == 2 {
            guard let value = Int(parts[1]), value >= 1, value <= 1000, parts[1].first != "+" else {
                throw fail("the step '\(parts[1])' is no whole number from 1")
            }
            step = value
        }
        if base == "*" { return stride(from: kind.range.lowerBound, through: kind == .dayOfWeek ? 6 : kind.range.upperBound, by: step) }
        let ends = base.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count <= 2 else { throw fail("a range has two ends") }
        var numbers: [Int] = []
        for end in ends {
            guard let number = number(end, kind) else {
                let names = kind.names.isEmpty ? "" : " or \(kind.names[0]) to \(kind.names[kind.names.count - 1])"
                throw fail("'\(end)' is not \(kind.range.lowerBound) to \(kind.range.upperBound)\(names)")
            }
            numbers.append(number)
        }
        guard numbers.count == 2 else {
            return stride(from: numbers[0], through: parts.count == 2 ? kind.range.upperBound : numbers[0], by: step)
        }
        guard numbers[0] <= numbers[1] else { throw fail("the range '\(base)' runs backwards") }
        return stride(from: numbers[0], through: numbers[1], by: step)
    }

    private static func number(_ text: Substring, _ kind: Kind) -> Int? {
        if let index = kind.names.firstIndex(of: text.lowercased()) { return kind.range.lowerBound + index }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(text), kind.range.contains(value) else { return nil }
        return value
    }
}
