/// Reads the text of a `TextPattern`.
struct TextPatternParser {
    private let scalars: [UInt32]
    private var position = 0
    private var depth = 0

    private static let deepestGroup = 32
    private static let largestCount = 1000

    init(_ source: String) { scalars = source.unicodeScalars.map(\.value) }

    mutating func parse() throws(TextPatternError) -> TextPattern.Node {
        guard scalars.count <= 1000 else { throw TextPatternError("the pattern is longer than 1000 characters") }
        let node = try choice()
        guard position == scalars.count else { throw failure("there is a ) without its (") }
        return node
    }

    private func failure(_ what: String) -> TextPatternError { TextPatternError("at character \(position + 1) of the pattern: \(what)") }

    private var current: UInt32? { position < scalars.count ? scalars[position] : nil }

    private func isAt(_ sign: Unicode.Scalar) -> Bool { current == sign.value }

    private mutating func take(_ sign: Unicode.Scalar) -> Bool {
        guard isAt(sign) else { return false }
        position += 1
        return true
    }

    private mutating func choice() throws(TextPatternError) -> TextPattern.Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepestGroup else { throw failure("groups are nested more than \(Self.deepestGroup) deep") }
        var choices = [try sequence()]
        while take("|") { choices.append(try sequence()) }
        return choices.count == 1 ? choices[0] : .choice(choices)
    }

    private mutating func sequence() throws(TextPatternError) -> TextPattern.Node {
        var parts: [TextPattern.Node] = []
        while let sign = current, sign != ("|" as Unicode.Scalar).value, sign != (")" as Unicode.Scalar).value {
            parts.append(try repeated(try atom()))
        }
        return parts.isEmpty ? .empty : parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func repeated(_ node: TextPattern.Node) throws(TextPatternError) -> TextPattern.Node {
        let minimum: Int
        let maximum: Int?
        if take("*") {
            (minimum, maximum) = (0, nil)
        } else if take("+") {
            (minimum, maximum) = (1, nil)
        } else if take("?") {
            (minimum, maximum) = (0, 1)
        } else if take("{") {
            (minimum, maximum) = try counts()
        } else {
            return node
        }
        switch node {
        case .start, .end: throw failure("an anchor cannot be repeated")
        default: break
        }
        // Greedy or not, the same texts match.
        _ = take("?")
        guard !isAt("*"), !isAt("+"), !isAt("{"), !isAt("?") else { throw failure("a repetition of a repetition needs a group") }
        return .repeat(node, minimum: minimum, maximum: maximum)
    }

    private mutating func counts() throws(TextPatternError) -> (Int, Int?) {
        guard let minimum = number() else { throw failure("expected a number after {; a literal { is written \\{") }
        var maximum: Int? = minimum
        if take(",") { maximum = number() }
        guard take("}") else { throw failure("expected }") }
        guard minimum <= Self.largestCount, (maximum ?? 0) <= Self.largestCount else {
            throw failure("a count is larger than \(Self.largestCount)")
        }
        if let maximum, maximum < minimum { throw failure("the counts are in the wrong order") }
        return (minimum, maximum)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = current, ScalarSet.digit.contains(digit) {
            value = min((value ?? 0) * 10 + Int(digit - 0x30), 1_000_000)
            position += 1
        }
        return value
    }

    private mutating func atom() throws(TextPatternError) -> TextPattern.Node {
        if take("^") { return .start }
        if take("$") { return .end }
        if take(".") { return .set(.dot) }
        if take("[") { return .set(try set()) }
        if take("(") { return try group() }
        if isAt("*") || isAt("+") || isAt("?") || isAt("{") {
            throw failure("there is nothing to repeat; a literal sign is written with \\ before it")
        }
        if take("\\") { return .set(try escaped()) }
        let sign = scalars[position]
        position += 1
        return .set(ScalarSet([sign...sign]))
    }

    private mutating func group() throws(TextPatternError) -> TextPattern.Node {
        if take("?") { guard take(":") else { throw failure("only groups (...) and (?:...) are known") } }
        let inner = try choice()
        guard take(")") else { throw failure("a ( has no )") }
        return inner
    }

    private mutating func escaped() throws(TextPatternError) -> ScalarSet {
        guard let sign = current, let scalar = Unicode.Scalar(sign) else { throw failure("there is nothing after \\") }
        position += 1
        switch scalar {
        case "d": return .digit
        case "D": return ScalarSet.digit.negated
        case "w": return .word
        case "W": return ScalarSet.word.negated
        case "s": return .space
        case "S": return ScalarSet.space.negated
        case "n": return ScalarSet([0x0a...0x0a])
        case "r": return ScalarSet([0x0d...0x0d])
        case "t": return ScalarSet([0x09...0x09])
        default:
            guard !ScalarSet.word.contains(sign) else { throw failure("the escape \\\(scalar) is not known") }
            return ScalarSet([sign...sign])
        }
    }

    private mutating func set() throws(TextPatternError) -> ScalarSet {
        let isNegated = take("^")
        var members = ScalarSet()
        while !take("]") {
            guard let first = try member(into: &members) else { continue }
            if isAt("-"), position + 1 < scalars.count, scalars[position + 1] != ("]" as Unicode.Scalar).value {
                position += 1
                guard let last = try member(into: &members), last >= first else { throw failure("the range is in the wrong order") }
                members.insert(first...last)
            } else {
                members.insert(first...first)
            }
        }
        return isNegated ? members.negated : members
    }

    /// One sign of a set; nil when it was a class such as `\d`, which has then been added.
    private mutating func member(into members: inout ScalarSet) throws(TextPatternError) -> UInt32? {
        guard let sign = current else { throw failure("a [ has no ]") }
        position += 1
        guard sign == ("\\" as Unicode.Scalar).value else { return sign }
        let before = position
        switch current.flatMap(Unicode.Scalar.init) {
        case "D", "W", "S": throw failure("a negated class cannot stand in [ ]")
        case "d", "w", "s":
            members.formUnion(try escaped())
            return nil
        case "n", "r", "t":
            position = before + 1
            return scalars[before] == 0x6e ? 0x0a : scalars[before] == 0x72 ? 0x0d : 0x09
        default:
            _ = try escaped()
            return scalars[before]
        }
    }
}
