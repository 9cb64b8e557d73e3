indirect enum RegularNode {
    case empty
    case set(RegularSet)
    case sequence([RegularNode])
    case alternatives([RegularNode])
    /// `maximum` nil: without end.
    case repeated(RegularNode, minimum: Int, maximum: Int?)
    case begin, end, wordEdge, noWordEdge
}

/// Reads a pattern; depth is bounded.
struct RegularExpressionParser {
    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var depth = 0
    private(set) var ignoresCase = false

    private static let maximumDepth = 50

    init(_ pattern: String) { scalars = Array(pattern.unicodeScalars.prefix(4096)) }

    mutating func parse() throws(LanguageError) -> RegularNode {
        if scalars.starts(with: "(?i)".unicodeScalars) {
            ignoresCase = true
            index = 4
        }
        let node = try alternatives()
        guard index == scalars.count else { throw fail("')' without '('") }
        return node
    }

    private func fail(_ message: String, at place: Int? = nil) -> LanguageError {
        LanguageError(column: (place ?? index) + 1, message: "regular expression: \(message)")
    }

    private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        index += 1
        return true
    }

    private mutating func alternatives() throws(LanguageError) -> RegularNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { throw fail("nested too deep") }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(LanguageError) -> RegularNode {
        var items: [RegularNode] = []
        while let scalar = next, scalar != "|", scalar != ")" { items.append(try repeated()) }
        return items.isEmpty ? .empty : items.count == 1 ? items[0] : .sequence(items)
    }

    private mutating func repeated() throws(LanguageError) -> RegularNode {
        var node = try atom()
        while let scalar = next {
            let bounds: (Int, Int?)
            switch scalar {
            case "*": bounds = (0, nil)
            case "+": bounds = (1, nil)
            case "?": bounds = (0, 1)
            case "{":
                guard let counted = try counts() else { return node }
                node = .repeated(node, minimum: counted.0, maximum: counted.1)
                _ = take("?")
                continue
            default: return node
            }
            index += 1
            // A lazy repeat matches the same texts.
            _ = take("?")
            if next == "*" || next == "+" { throw fail("nothing to repeat before '\(scalars[index])'") }
            node = .repeated(node, minimum: bounds.0, maximum: bounds.1)
        }
        return node
    }

    /// `{m}`, `{m,}` or `{m,n}`; nil when the brace stands for itself.
    private mutating func counts() throws(LanguageError) -> (Int, Int?)? {
        let start = index
        index += 1
        let minimum = number()
        var maximum = minimum
        if take(",") { maximum = number() }
        guard let minimum, take("}") else {
            index = start
            throw fail("'{' begins no count such as {2} or {1,3}; write '\\{' for the character")
        }
        if let maximum, maximum < minimum { throw fail("the count runs backwards", at: start) }
        guard max(minimum, maximum ?? 0) <= RegularExpression.maximumInstructions else { throw fail("the count is too large", at: start) }
        return (minimum, maximum)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, ("0"..."9").contains(scalar) {
            value = min((value ?? 0) * 10 + Int(scalar.value - 0x30), 1_000_000)
            index += 1
        }
        return value
    }

    private mutating func atom() throws(LanguageError) -> RegularNode {
        let start = index
        guard let scalar = next else { return .empty }
        index += 1
        switch scalar {
        case "(":
            if take("?"), !take(":") { throw fail("only '(?:' is known after '('", at: start) }
            let node = try alternatives()
            guard take(")") else { throw fail("'(' is not closed", at: start) }
            return node
        case "[": return .set(try bracket(start))
        case ".": return .set(made([0...0x09, 0x0B...0x10_FFFF]))
        case "^": return .begin
        case "$": return .end
        case "\\": return try escape(start)
        case "*", "+", "?": throw fail("nothing to repeat before '\(scalar)'", at: start)
        case "{": throw fail("nothing to repeat before '{'; write '\\{' for the character", at: start)
        default: return .set(made([scalar.value...scalar.value]))
        }
    }

    private func made(_ ranges: [ClosedRange<UInt32>], isNegated: Bool = false) -> RegularSet {
        RegularSet(ranges: ranges, isNegated: isNegated, ignoresCase: ignoresCase)
    }

    private mutating func escape(_ start: Int) throws(LanguageError) -> RegularNode {
        switch next {
        case "b":
            index += 1
            return .wordEdge
        case "B":
            index += 1
            return .noWordEdge
        default: return .set(made(try escapedRanges(start)))
        }
    }

    private mutating func escapedRanges(_ start: Int) throws(LanguageError) -> [ClosedRange<UInt32>] {
        guard let scalar = next else { throw fail("'\\' at the end", at: start) }
        index += 1
        switch scalar {
        case "d": return RegularSet.digits
        case "D": return RegularSet.complement(RegularSet.digits)
        case "w": return RegularSet.word
        case "W": return RegularSet.complement(RegularSet.word)
        case "s": return RegularSet.space
        case "S": return RegularSet.complement(RegularSet.space)
        case "n": return [0x0A...0x0A]
        case "t": return [0x09...0x09]
        case "r": return [0x0D...0x0D]
        default:
            let isLetterOrDigit = RegularSet.word.contains { $0.contains(scalar.value) } && scalar != "_"
            guard !isLetterOrDigit else { throw fail("'\\\(scalar)' is not known", at: start) }
            return [scalar.value...scalar.value]
        }
    }

    private mutating func bracket(_ start: Int) throws(LanguageError) -> RegularSet {
        let isNegated = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while let scalar = next {
            if scalar == "]", !isFirst {
                index += 1
                return made(ranges, isNegated: isNegated)
            }
            isFirst = false
            let place = index
            index += 1
            let low = scalar == "\\" ? try escapedRanges(place) : [scalar.value...scalar.value]
            guard next == "-", index + 1 < scalars.count, scalars[index + 1] != "]", low.count == 1, low[0].count == 1 else {
                ranges += low
                continue
            }
            index += 1
            let highPlace = index
            let highScalar = scalars[index]
            index += 1
            let high = highScalar == "\\" ? try escapedRanges(highPlace) : [highScalar.value...highScalar.value]
            guard high.count == 1, high[0].count == 1, low[0].lowerBound <= high[0].lowerBound else {
                throw fail("the range in '[…]' runs backwards", at: place)
            }
            ranges.append(low[0].lowerBound...high[0].lowerBound)
        }
        throw fail("'[' is not closed", at: start)
    }
}

/// Turns a pattern's tree into instructions.
struct RegularExpressionCompiler {
    private(set) var instructions: [RegularInstruction] = []
    let ignoresCase: Bool

    init(ignoresCase: Bool) { self.ignoresCase = ignoresCase }

    private mutating func append(_ instruction: RegularInstruction) throws(LanguageError) {
        guard instructions.count < RegularExpression.maximumInstructions else {
            throw LanguageError(column: 1, message: "regular expression: too large; counted repeats multiply")
        }
        instructions.append(instruction)
    }

    mutating func emit(_ node: RegularNode) throws(LanguageError) {
        switch node {
        case .empty: break
        case .set(let set): try append(.scalar(set))
        case .begin: try append(.begin)
        case .end: try append(.end)
        case .wordEdge: try append(.wordEdge)
        case .noWordEdge: try append(.noWordEdge)
        case .sequence(let items): for item in items { try emit(item) }
        case .alternatives(let branches): try emit(branches[...])
        case .repeated(let item, let minimum, let maximum): try emit(item, minimum, maximum)
        }
    }

    private mutating func emit(_ branches: ArraySlice<RegularNode>) throws(LanguageError) {
        var ends: [Int] = []
        for (index, branch) in zip(branches.indices, branches) {
            guard index < branches.endIndex - 1 else {
                try emit(branch)
                break
            }
            let split = instructions.count
            try append(.split(split + 1, split + 1))
            try emit(branch)
            ends.append(instructions.count)
            try append(.jump(0))
            instructions[split] = .split(split + 1, instructions.count)
        }
        for end in ends { instructions[end] = .jump(instructions.count) }
    }

    private mutating func emit(_ item: RegularNode, _ minimum: Int, _ maximum: Int?) throws(LanguageError) {
        for _ in 0..<minimum {
            let before = instructions.count
            try emit(item)
            // Nothing, however often, is nothing: nested counts of empty groups must cost no time.
            if instructions.count == before { return }
        }
        guard let maximum else {
            let split = instructions.count
            try append(.split(split + 1, split + 1))
            try emit(item)
            try append(.jump(split))
            instructions[split] = .split(split + 1, instructions.count)
            return
        }
        var splits: [Int] = []
        for _ in 0..<(maximum - minimum) {
            splits.append(instructions.count)
            try append(.split(0, 0))
            try emit(item)
        }
        for split in splits { instructions[split] = .split(split + 1, instructions.count) }
    }
}
