import Envelopes

/// A condition over a payload: `branch in ['main', 'release/*'] && status == 'success'`.
///
/// `== != < <= > >=`, `in […]` (a string with `*` is a glob), `not in`, `contains`, `matches` (a regular expression, linear in time), `&& || !`, `and or not`, parentheses,
/// dotted names into the payload, strings, numbers, true, false, null. A name that the payload lacks is null. `<` and its kin compare two numbers or two strings, and are
/// false for anything else. A value that stands alone counts as true unless it is null or false. Parsing has a limit on length and depth, so matching has one too.
public struct Filter: Sendable, Equatable, CustomStringConvertible {
    let root: FilterExpression
    /// The text that it was made from.
    public let description: String

    public static let maximumBytes = 4096
    public static let maximumDepth = 40

    public static func parse(_ text: String) throws(FilterError) -> Filter {
        guard text.utf8.count <= maximumBytes else { throw FilterError(column: 1, message: "longer than \(maximumBytes) bytes") }
        var parser = FilterParser(try FilterLexer.tokens(text))
        return Filter(root: try parser.parse(), description: text)
    }

    public func matches(_ payload: JSONValue) -> Bool { root.isTrue(in: payload) }

    /// The names of payload fields that it reads, in order.
    public var names: [String] { root.names }

    /// Where the name stands first in the text, both counted from 1; nil for one that it does not read.
    public func place(of name: String) -> (line: Int, column: Int)? {
        let token = (try? FilterLexer.tokens(description))?.first { $0.kind == .word(name) }
        return token.map { ($0.line, $0.column) }
    }
}

indirect enum FilterExpression: Sendable, Equatable {
    enum Comparison: String, Sendable {
        case equal = "=="
        case unequal = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    case literal(JSONValue)
    case name(String)
    case list([FilterExpression])
    case not(FilterExpression)
    case and(FilterExpression, FilterExpression)
    case or(FilterExpression, FilterExpression)
    case compare(Comparison, FilterExpression, FilterExpression)
    case isIn(FilterExpression, FilterExpression)
    case contains(FilterExpression, FilterExpression)
    case matches(FilterExpression, RegularExpression)

    func isTrue(in payload: JSONValue) -> Bool {
        switch self {
        case .literal, .name, .list:
            switch value(in: payload) {
            case .null, .bool(false): return false
            default: return true
            }
        case .not(let inner): return !inner.isTrue(in: payload)
        case .and(let left, let right): return left.isTrue(in: payload) && right.isTrue(in: payload)
        case .or(let left, let right): return left.isTrue(in: payload) || right.isTrue(in: payload)
        case .compare(let comparison, let left, let right):
            return Self.compare(comparison, left.value(in: payload), right.value(in: payload))
        case .isIn(let item, let list): return Self.isIn(item.value(in: payload), list, payload)
        case .contains(let whole, let part): return Self.contains(whole.value(in: payload), part.value(in: payload))
        case .matches(let text, let expression):
            guard case .string(let text) = text.value(in: payload) else { return false }
            return expression.matches(text)
        }
    }

    private func value(in payload: JSONValue) -> JSONValue {
        switch self {
        case .literal(let value): value
        case .name(let name): payload[dotted: name] ?? .null
        case .list(let items): .array(items.map { $0.value(in: payload) })
        default: .bool(isTrue(in: payload))
        }
    }

    private static func equal(_ left: JSONValue, _ right: JSONValue) -> Bool {
        if case .integer(let left) = left, case .integer(let right) = right { return left == right }
        if let left = left.number, let right = right.number { return left == right }
        return left == right
    }

    private static func compare(_ comparison: Comparison, _ left: JSONValue, _ right: JSONValue) -> Bool {
        switch comparison {
        case .equal: return equal(left, right)
        case .unequal: return !equal(left, right)
        case .less, .lessOrEqual, .greater, .greaterOrEqual: break
        }
        if case .integer(let left) = left, case .integer(let right) = right { return order(comparison, left, right) }
        if let left = left.number, let right = right.number { return order(comparison, left, right) }
        if let left = left.string, let right = right.string { return order(comparison, left, right) }
        return false
    }

    private static func order<Value: Comparable>(_ comparison: Comparison, _ left: Value, _ right: Value) -> Bool {
        switch comparison {
        case .less: left < right
        case .lessOrEqual: left <= right
        case .greater: left > right
        case .greaterOrEqual: left >= right
        case .equal: left == right
        case .unequal: left != right
        }
    }

    /// Only strings written in the filter are globs: what comes in a payload is never a pattern.
    private static func isIn(_ item: JSONValue, _ list: FilterExpression, _ payload: JSONValue) -> Bool {
        guard case .list(let candidates) = list else { return contains(list.value(in: payload), item) }
        return candidates.contains { candidate in
            if case .literal(.string(let pattern)) = candidate, pattern.contains("*"), case .string(let text) = item {
                return Glob(pattern).matches(text)
            }
            return equal(candidate.value(in: payload), item)
        }
    }

    private static func contains(_ whole: JSONValue, _ part: JSONValue) -> Bool {
        switch whole {
        case .array(let items): return items.contains { equal($0, part) }
        case .object(let members): return part.string.map { members[$0] != nil } ?? false
        case .string(let text):
            guard let part = part.string else { return false }
            return part.isEmpty || text.firstRange(of: part) != nil
        default: return false
        }
    }

    var names: [String] {
        switch self {
        case .literal: []
        case .name(let name): [name]
        case .list(let items): items.flatMap(\.names)
        case .not(let inner): inner.names
        case .and(let left, let right), .or(let left, let right), .compare(_, let left, let right), .isIn(let left, let right),
            .contains(let left, let right):
            left.names + right.names
        case .matches(let text, _): text.names
        }
    }
}
