/// A regular expression that is matched in time linear in the text: it keeps the set of states that the text read so far can be in, and never goes back.
///
/// Understood: literals, `.`, `[...]` and `[^...]` with ranges, `\d \w \s` and their capitals, `\n \r \t`, an escaped sign, groups `(...)` and `(?:...)`, `|`,
/// `* + ?`, `{m}`, `{m,}`, `{m,n}` up to 1000, and `^ $` for the ends of the text. Without them it matches anywhere in the text. Signs are Unicode scalars.
public struct TextPattern: Sendable, Equatable {
    /// As it was written.
    public let source: String
    private let form: Form

    private enum Form: Sendable {
        /// `^class{minimum,maximum}$`, by far the most common.
        case run(ScalarSet, minimum: Int, maximum: Int)
        case automaton([Instruction])
    }

    indirect enum Node {
        case empty
        case set(ScalarSet)
        case start, end
        case sequence([Node])
        case choice([Node])
        case `repeat`(Node, minimum: Int, maximum: Int?)
    }

    enum Instruction: Sendable {
        case set(ScalarSet)
        case split(Int, Int)
        case jump(Int)
        case start, end
        case match
    }

    /// A pattern that compiles to more instructions is refused.
    private static let mostInstructions = 4000

    public init(_ source: String) throws(TextPatternError) {
        self.source = source
        var parser = TextPatternParser(source)
        let node = try parser.parse()
        if case .sequence(let parts) = node, parts.count == 3, case .start = parts[0], case .end = parts[2],
            case .repeat(.set(let set), let minimum, let maximum) = parts[1]
        {
            form = .run(set, minimum: minimum, maximum: maximum ?? Int.max)
        } else {
            var code: [Instruction] = []
            try Self.emit(node, into: &code)
            code.append(.match)
            form = .automaton(code)
        }
    }

    public func matches(_ text: String) -> Bool { text.withBytes { matches($0) } }

    func matches(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        switch form {
        case .run(let set, let minimum, let maximum):
            var count = 0
            for scalar in Scalars(bytes) {
                guard set.contains(scalar) else { return false }
                count += 1
            }
            return count >= minimum && count <= maximum
        case .automaton(let code):
            return Automaton(code: code).matches(bytes)
        }
    }

    private static func emit(_ node: Node, into code: inout [Instruction]) throws(TextPatternError) {
        guard code.count < mostInstructions else { throw TextPatternError("the pattern is too large") }
        switch node {
        case .empty: break
        case .set(let set): code.append(.set(set))
        case .start: code.append(.start)
        case .end: code.append(.end)
        case .sequence(let parts): for part in parts { try emit(part, into: &code) }
        case .choice(let choices):
            var jumps: [Int] = []
            for (index, choice) in choices.enumerated() {
                guard index + 1 < choices.count else {
                    try emit(choice, into: &code)
                    break
                }
                let split = code.count
                code.append(.match)
                try emit(choice, into: &code)
                jumps.append(code.count)
                code.append(.match)
                code[split] = .split(split + 1, code.count)
            }
            for jump in jumps { code[jump] = .jump(code.count) }
        case .repeat(let inner, let minimum, let maximum):
            for _ in 0..<minimum { try emit(inner, into: &code) }
            if let maximum {
                var splits: [Int] = []
                for _ in minimum..<maximum {
                    splits.append(code.count)
                    code.append(.match)
                    try emit(inner, into: &code)
                }
                for split in splits { code[split] = .split(split + 1, code.count) }
            } else {
                let split = code.count
                code.append(.match)
                try emit(inner, into: &code)
                code.append(.jump(split))
                code[split] = .split(split + 1, code.count)
            }
        }
    }

    public static func == (left: TextPattern, right: TextPattern) -> Bool { left.source == right.source }
}

/// Why a text is not a pattern that we read.
public struct TextPatternError: Error, Sendable, Equatable, CustomStringConvertible {
    public let message: String
    init(_ message: String) { self.message = message }
    public var description: String { message }
}

/// A set of Unicode scalars.
struct ScalarSet: Sendable, Equatable {
    /// The members below 128.
    private var ascii: (UInt64, UInt64) = (0, 0)
    private var ranges: [ClosedRange<UInt32>] = []
    private var isNegated = false

    init(_ ranges: [ClosedRange<UInt32>] = [], negated: Bool = false) {
        for range in ranges { insert(range) }
        isNegated = negated
    }

    static let digit = ScalarSet([0x30...0x39])
    static let word = ScalarSet([0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a])
    static let space = ScalarSet([0x09...0x0d, 0x20...0x20, 0xa0...0xa0, 0x2028...0x2029, 0xfeff...0xfeff])
    /// What `.` means: all but the ends of lines.
    static let dot = ScalarSet([0x0a...0x0a, 0x0d...0x0d, 0x2028...0x2029], negated: true)

    var negated: ScalarSet {
        var copy = self
        copy.isNegated.toggle()
        return copy
    }

    mutating func insert(_ range: ClosedRange<UInt32>) {
        ranges.append(range)
        guard range.lowerBound < 128 else { return }
        for scalar in range.lowerBound...min(range.upperBound, 127) {
            if scalar < 64 { ascii.0 |= 1 << UInt64(scalar) } else { ascii.1 |= 1 << UInt64(scalar - 64) }
        }
    }

    /// Adds the members of a set that is not negated.
    mutating func formUnion(_ other: ScalarSet) { for range in other.ranges { insert(range) } }

    func contains(_ scalar: UInt32) -> Bool {
        let isMember: Bool
        if scalar < 64 {
            isMember = ascii.0 >> UInt64(scalar) & 1 == 1
        } else if scalar < 128 {
            isMember = ascii.1 >> UInt64(scalar - 64) & 1 == 1
        } else {
            isMember = ranges.contains { $0.contains(scalar) }
        }
        return isMember != isNegated
    }

    static func == (left: ScalarSet, right: ScalarSet) -> Bool { left.ranges == right.ranges && left.isNegated == right.isNegated }
}

/// The scalars of valid UTF-8.
private struct Scalars: Sequence, IteratorProtocol {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func next() -> UInt32? {
        guard position < bytes.count else { return nil }
        let first = bytes[position]
        let length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
        var scalar = UInt32(length == 1 ? first : first & (0xff >> UInt8(length + 1)))
        for index in position + 1..<Swift.max(position + 1, Swift.min(position + length, bytes.count)) {
            scalar = scalar << 6 | UInt32(bytes[index] & 0x3f)
        }
        position += length
        return scalar
    }
}

/// Runs a pattern's instructions over a text (Thompson's simulation).
private struct Automaton {
    let code: [TextPattern.Instruction]

    func matches(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var scalars = Scalars(bytes)
        var current: [Int] = []
        var next: [Int] = []
        /// The step in which a state was last added, so that none is added twice.
        var added = [Int](repeating: -1, count: code.count)
        var pending: [Int] = []
        var step = 0
        var scalar = scalars.next()
        while true {
            // A match may begin at every place.
            if add(0, step: step, atEnd: scalar == nil, to: &current, &added, &pending) { return true }
            guard let value = scalar else { return false }
            scalar = scalars.next()
            step += 1
            next.removeAll(keepingCapacity: true)
            for state in current {
                guard case .set(let set) = code[state], set.contains(value) else { continue }
                if add(state + 1, step: step, atEnd: scalar == nil, to: &next, &added, &pending) { return true }
            }
            swap(&current, &next)
        }
    }

    /// Adds a state and all that it reaches without reading. True when one of them is the match.
    private func add(_ state: Int, step: Int, atEnd: Bool, to states: inout [Int], _ added: inout [Int], _ pending: inout [Int]) -> Bool {
        pending.append(state)
        while let state = pending.popLast() {
            guard added[state] != step else { continue }
            added[state] = step
            switch code[state] {
            case .set: states.append(state)
            case .jump(let target): pending.append(target)
            case .split(let first, let second):
                pending.append(second)
                pending.append(first)
            case .start: if step == 0 { pending.append(state + 1) }
            case .end: if atEnd { pending.append(state + 1) }
            case .match:
                pending.removeAll(keepingCapacity: true)
                return true
            }
        }
        return false
    }
}
