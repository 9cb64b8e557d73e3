import Envelopes

/// Reads tokens into an expression: `or` binds least, then `and`, then `not`, then comparisons, then `!`.
struct FilterParser {
    private let tokens: [FilterToken]
    private var index = 0
    private var depth = 0

    private static let operators = ["==", "!=", "<", "<=", ">", ">=", "in", "not in", "contains", "matches", "and", "or", "not"]
    private static let keywords: Set<String> = ["in", "contains", "matches", "and", "or", "not"]

    /// `tokens` ends with the end.
    init(_ tokens: [FilterToken]) { self.tokens = tokens }

    private var next: FilterToken { tokens[min(index, tokens.count - 1)] }

    private mutating func take(_ texts: String...) -> Bool {
        switch next.kind {
        case .symbol(let text) where texts.contains(text), .word(let text) where texts.contains(text):
            index += 1
            return true
        default: return false
        }
    }

    mutating func parse() throws(FilterError) -> FilterExpression {
        if next.kind == .end { throw next.fail("an empty filter; leave the key out to let everything through") }
        let expression = try either()
        guard next.kind == .end else { throw unexpected("'&&', '||' or the end") }
        return expression
    }

    private func unexpected(_ expected: String) -> FilterError {
        var hint = ""
        if case .word(let word) = next.kind, let near = NearestName.of(word, in: Self.operators) { hint = "; nearest is '\(near)'" }
        return next.fail("\(next.shown) is not understood here, expected \(expected)\(hint)")
    }

    private mutating func deeper(_ read: (inout Self) throws(FilterError) -> FilterExpression) throws(FilterError) -> FilterExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Filter.maximumDepth else { throw next.fail("nested deeper than \(Filter.maximumDepth) levels") }
        return try read(&self)
    }

    private mutating func either() throws(FilterError) -> FilterExpression {
        var left = try both()
        while take("||", "or") { left = .or(left, try both()) }
        return left
    }

    private mutating func both() throws(FilterError) -> FilterExpression {
        var left = try negation()
        while take("&&", "and") { left = .and(left, try negation()) }
        return left
    }

    private mutating func negation() throws(FilterError) -> FilterExpression {
        guard take("not") else { return try comparison() }
        return .not(try deeper { parser throws(FilterError) in try parser.negation() })
    }

    private mutating func comparison() throws(FilterError) -> FilterExpression {
        let start = next
        let left = try operand()
        let place = next
        guard case .symbol(let symbol) = place.kind, let comparison = FilterExpression.Comparison(rawValue: symbol) else {
            return try wordComparison(left, start)
        }
        index += 1
        try refuseNegated(left, start)
        return .compare(comparison, left, try operand())
    }

    private mutating func wordComparison(_ left: FilterExpression, _ start: FilterToken) throws(FilterError) -> FilterExpression {
        guard case .word(let word) = next.kind, Self.keywords.contains(word), word != "and", word != "or" else { return left }
        try refuseNegated(left, start)
        index += 1
        switch word {
        case "contains": return .contains(left, try operand())
        case "matches": return .matches(left, try pattern())
        case "in": return .isIn(left, try list())
        default:
            guard take("in") else { throw unexpected("'in' after 'not'") }
            return .not(.isIn(left, try list()))
        }
    }

    /// `!a == b` reads as `(!a) == b` to some and as `!(a == b)` to others.
    private func refuseNegated(_ left: FilterExpression, _ start: FilterToken) throws(FilterError) {
        if case .not = left, start.kind == .symbol("!") {
            throw start.fail("'!' before a comparison can be read in two ways; write 'not a == b' or '!(a == b)'")
        }
    }

    private mutating func list() throws(FilterError) -> FilterExpression {
        switch next.kind {
        case .symbol("["): return try operand()
        case .word(let word) where !Self.keywords.contains(word): return try operand()
        default: throw unexpected("a list such as ['main', 'release/*'] or a name")
        }
    }

    private mutating func pattern() throws(FilterError) -> RegularExpression {
        let place = next
        guard case .literal(.string(let text)) = place.kind else { throw unexpected("a regular expression in quotes") }
        index += 1
        do throws(LanguageError) {
            return try RegularExpression(parsing: text)
        } catch {
            throw FilterError(line: place.line, column: place.column + error.column, message: error.message)
        }
    }

    private mutating func operand() throws(FilterError) -> FilterExpression {
        let token = next
        switch token.kind {
        case .literal(let value):
            index += 1
            return .literal(value)
        case .word(let word) where !Self.keywords.contains(word):
            index += 1
            return .name(word)
        case .symbol("("):
            index += 1
            let inner = try deeper { parser throws(FilterError) in try parser.either() }
            guard take(")") else {
                throw next.fail("\(next.shown) is not understood here, expected ')' for the '(' in column \(token.column)")
            }
            return inner
        case .symbol("!"):
            index += 1
            return .not(try deeper { parser throws(FilterError) in try parser.operand() })
        case .symbol("["):
            index += 1
            return .list(try items(of: token))
        default: throw unexpected("a name, a value or '('")
        }
    }

    private mutating func items(of open: FilterToken) throws(FilterError) -> [FilterExpression] {
        var items: [FilterExpression] = []
        if take("]") { return items }
        while true {
            items.append(try deeper { parser throws(FilterError) in try parser.operand() })
            if take("]") { return items }
            guard take(",") else {
                throw next.fail("\(next.shown) is not understood here, expected ',' or ']' for the '[' in column \(open.column)")
            }
        }
    }
}
