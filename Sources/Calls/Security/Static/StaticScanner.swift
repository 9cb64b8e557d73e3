import Envelopes

/// Looks for the commonest dangerous calls, line by line.
struct StaticScanner: Sendable {
    private let rules: [SourceLanguage: [StaticRule]]

    /// Longer lines are generated or packed code; their rest is not looked at.
    static let maximumLineBytes = 4096
    static let maximumMatches = 200

    init(rules: [StaticRule] = StaticRule.all) {
        self.rules = Dictionary(grouping: rules, by: \.language)
    }

    struct Match: Sendable, Equatable {
        let rule: String
        let severity: FindingSeverity
        let message: String
        let line: Int
    }

    /// The matches in the order of their lines; at most one of a rule on a line. Empty for a language that has no rules.
    func scan(path: String, text: [UInt8]) -> [Match] {
        guard let language = SourceLanguage.of(path: path, text: text), let rules = rules[language] else { return [] }
        // Patterns may ask for what ends a word, so the last line gets its end.
        let masked = MaskedSource(text + [0x0a], language: language)
        return masked.codeOnly.withUnsafeBufferPointer { code in
            masked.withoutComments.withUnsafeBufferPointer { strings in
                var matches: [Match] = []
                var start = 0
                var line = 1
                while start < code.count, matches.count < Self.maximumMatches {
                    var end = start
                    while end < code.count, code[end] != 0x0a { end += 1 }
                    let limit = min(end + 1, code.count, start + Self.maximumLineBytes)
                    for rule in rules where Self.holds(rule, rule.view == .code ? code : strings, start..<limit) {
                        matches.append(Match(rule: rule.id, severity: rule.severity, message: rule.message, line: line))
                    }
                    start = end + 1
                    line += 1
                }
                return matches
            }
        }
    }

    private static func holds(_ rule: StaticRule, _ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>) -> Bool {
        var position = line.lowerBound
        while let match = rule.pattern.firstMatch(in: bytes, from: position, limit: line.upperBound) {
            guard rule.isCall, match.lowerBound > line.lowerBound else { return true }
            let before = bytes[match.lowerBound - 1]
            let isMethod = before == UInt8(ascii: ".") && rule.language != .shell
            if !ByteSet.word.contains(before), !isMethod, !isDefinition(bytes, line.lowerBound..<match.lowerBound) { return true }
            position = match.lowerBound + 1
        }
        return false
    }

    /// `def eval(` and `func system(` declare, they do not call.
    private static func isDefinition(_ bytes: UnsafeBufferPointer<UInt8>, _ before: Range<Int>) -> Bool {
        let words = bytes[before].split(separator: 0x20)
        guard let last = words.last else { return false }
        return ["def", "func", "function"].contains { last.elementsEqual($0.utf8) }
    }
}
