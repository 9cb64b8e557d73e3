import Terminal

/// A finding as people read it: a mark, what was looked at, what is so, and below it what mends it.
struct FindingText {
    private let finding: Finding

    init(_ finding: Finding) { self.finding = finding }

    private static let checkWidth = 15

    func lines(style: Style, width: Int) -> [String] {
        let mark =
            switch finding.status {
            case .fine: style(.green, "ok     ")
            case .warning: style(.yellow, "warning")
            case .problem: style(.red, "problem")
            }
        let name = finding.check + String(repeating: " ", count: max(1, Self.checkWidth - finding.check.count))
        let indent = 9 + Self.checkWidth
        let margin = String(repeating: " ", count: indent)
        var lines = finding.message.split(separator: "\n").flatMap { line -> [String] in
            String(line).wrapped(to: max(30, width - indent))
        }
        if let mend = finding.mend { lines += ("mend it: " + mend).wrapped(to: max(30, width - indent)) }
        guard let first = lines.first else { return [] }
        return ["\(mark)  \(name)\(first)"] + lines.dropFirst().map { margin + $0 }
    }
}
