/// What a pattern is made of.
indirect enum PatternNode: Sendable {
    case empty
    case bytes(ByteSet)
    case sequence([PatternNode])
    case choice([PatternNode])
    /// `most` nil: without end.
    case repeated(PatternNode, least: Int, most: Int?)
}

/// A pattern that is not written right.
struct PatternError: Error, Equatable, CustomStringConvertible {
    let pattern: String
    let offset: Int
    let reason: String
    var description: String { "pattern \(pattern), byte \(offset): \(reason)" }
}

/// Reads the syntax of `BytePattern`.
struct PatternParser {
    private let pattern: String
    private let text: [UInt8]
    private let ignoresCase: Bool
    private var position = 0

    /// The most that a counted repetition may ask for.
    static let maximumRepetition = 512
    static let maximumDepth = 32

    static func parse(_ pattern: String, ignoresCase: Bool) throws(PatternError) -> PatternNode {
        var parser = PatternParser(pattern: pattern, text: Array(pattern.utf8), ignoresCase: ignoresCase)
        let node = try parser.choice(depth: 0)
        if parser.position < parser.text.count { throw parser.error("a ) without its (") }
        return node
    }

    private init(pattern: String, text: [UInt8], ignoresCase: Bool) {
        self.pattern = pattern
        self.text = text
        self.ignoresCase = ignoresCase
    }

    private func error(_ reason: String) -> PatternError { PatternError(pattern: pattern, offset: position, reason: reason) }
    private var next: UInt8? { position < text.count ? text[position] : nil }

    private mutating func choice(depth: Int) throws(PatternError) -> PatternNode {
        if depth > Self.maximumDepth { throw error("groups nested too deep") }
        var branches: [PatternNode] = []
        while true {
            branches.append(try sequence(depth: depth))
            guard next == UInt8(ascii: "|") else { break }
            position += 1
        }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence(depth: Int) throws(PatternError) -> PatternNode {
        var items: [PatternNode] = []
        while let byte = next, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            items.append(try quantified(try atom(depth: depth)))
        }
        return items.isEmpty ? .empty : .sequence(items)
    }

    private mutating func atom(depth: Int) throws(PatternError) -> PatternNode {
        guard let byte = next else { throw error("ends too early") }
        position += 1
        switch byte {
        case UInt8(ascii: "("):
            let node = try choice(depth: depth + 1)
            guard next == UInt8(ascii: ")") else { throw error("a ( without its )") }
            position += 1
            return node
        case UInt8(ascii: "["): return .bytes(try byteClass())
        case UInt8(ascii: "."): return .bytes(ByteSet([UInt8(ascii: "\n")]).inverted)
        case UInt8(ascii: "\\"): return .bytes(cased(try escape()))
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"): throw error("nothing to repeat")
        default: return .bytes(cased(ByteSet([byte])))
        }
    }

    private func cased(_ set: ByteSet) -> ByteSet { ignoresCase ? set.ignoringCase : set }

    private mutating func escape() throws(PatternError) -> ByteSet {
        guard let byte = next else { throw error("ends after \\") }
        position += 1
        switch byte {
        case UInt8(ascii: "d"): return .digits
        case UInt8(ascii: "w"): return .word
        case UInt8(ascii: "s"): return .space
        case UInt8(ascii: "S"): return ByteSet.space.inverted
        case UInt8(ascii: "W"): return ByteSet.word.inverted
        case UInt8(ascii: "n"): return ByteSet([0x0a])
        case UInt8(ascii: "t"): return ByteSet([0x09])
        default:
            if ByteSet.word.contains(byte) { throw error("unknown escape") }
            return ByteSet([byte])
        }
    }

    private mutating func byteClass() throws(PatternError) -> ByteSet {
        var set = ByteSet()
        let isInverted = next == UInt8(ascii: "^")
        if isInverted { position += 1 }
        while true {
            guard let byte = next else { throw error("a [ without its ]") }
            position += 1
            if byte == UInt8(ascii: "]") { break }
            if byte == UInt8(ascii: "\\") {
                set = set.union(try escape())
                continue
            }
            if next == UInt8(ascii: "-"), position + 1 < text.count, text[position + 1] != UInt8(ascii: "]") {
                let last = text[position + 1]
                guard byte <= last else { throw error("a range that runs backwards") }
                position += 2
                set = set.union(ByteSet(byte...last))
            } else {
                set.insert(byte)
            }
        }
        set = cased(set)
        return isInverted ? set.inverted : set
    }

    private mutating func quantified(_ node: PatternNode) throws(PatternError) -> PatternNode {
        switch next {
        case UInt8(ascii: "*"):
            position += 1
            return .repeated(node, least: 0, most: nil)
        case UInt8(ascii: "+"):
            position += 1
            return .repeated(node, least: 1, most: nil)
        case UInt8(ascii: "?"):
            position += 1
            return .repeated(node, least: 0, most: 1)
        case UInt8(ascii: "{"):
            position += 1
            let least = try number()
            var most: Int? = least
            if next == UInt8(ascii: ",") {
                position += 1
                most = next == UInt8(ascii: "}") ? nil : try number()
            }
            guard next == UInt8(ascii: "}") else { throw error("a { without its }") }
            position += 1
            if let most, most < least { throw error("a count that runs backwards") }
            return .repeated(node, least: least, most: most)
        default: return node
        }
    }

    private mutating func number() throws(PatternError) -> Int {
        var value = 0
        let start = position
        while let byte = next, ByteSet.digits.contains(byte) {
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            if value > Self.maximumRepetition { throw error("a count over \(Self.maximumRepetition)") }
            position += 1
        }
        if position == start { throw error("a count was expected") }
        return value
    }
}
