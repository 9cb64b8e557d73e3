/// A regular expression that takes time linear in the text, whatever the pattern: a set of states is carried along, nothing is tried again.
///
/// It knows `.` `[…]` `[^…]` `* + ?` `{m,n}` `|` `(…)` `(?:…)` `^` `$` `\d \w \s \b` and their capitals, and `(?i)` at the beginning. It has no back references and no
/// look-around. It searches: a pattern without `^` and `$` may match anywhere.
public struct RegularExpression: Sendable, Hashable {
    private let program: [RegularInstruction]

    /// The largest program that a pattern may become; a counted repeat counts each time.
    public static let maximumInstructions = 1000
    /// Texts are looked at as far as this, in Unicode scalars.
    public static let maximumText = 65_536

    /// The error's column counts from the pattern's first character.
    public init(parsing pattern: String) throws(LanguageError) {
        var parser = RegularExpressionParser(pattern)
        let node = try parser.parse()
        var compiler = RegularExpressionCompiler(ignoresCase: parser.ignoresCase)
        try compiler.emit(node)
        program = compiler.instructions + [.match]
    }

    public func matches(_ text: String) -> Bool {
        var states = RegularStates(count: program.count)
        var before: Unicode.Scalar?
        var scalars = text.unicodeScalars.prefix(Self.maximumText).makeIterator()
        var now = scalars.next()
        while true {
            // A match may begin at every place.
            if states.follow(0, program, before: before, now: now) { return true }
            guard let scalar = now else { return false }
            let next = scalars.next()
            if states.step(program, over: scalar, next: next) { return true }
            (before, now) = (scalar, next)
        }
    }
}

enum RegularInstruction: Sendable, Hashable {
    case scalar(RegularSet)
    case split(Int, Int)
    case jump(Int)
    case begin, end, wordEdge, noWordEdge
    case match
}

/// A set of characters: ranges, perhaps turned round, perhaps without regard to ASCII case.
struct RegularSet: Sendable, Hashable {
    var ranges: [ClosedRange<UInt32>]
    var isNegated = false
    var ignoresCase = false

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        var found = has(scalar.value)
        if !found, ignoresCase, (0x41...0x5A).contains(scalar.value & ~0x20) { found = has(scalar.value ^ 0x20) }
        return found != isNegated
    }

    private func has(_ value: UInt32) -> Bool { ranges.contains { $0.contains(value) } }

    static let digits: [ClosedRange<UInt32>] = [0x30...0x39]
    static let word: [ClosedRange<UInt32>] = [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]
    static let space: [ClosedRange<UInt32>] = [0x09...0x0D, 0x20...0x20]
    static let everything: [ClosedRange<UInt32>] = [0...0x10_FFFF]

    /// All that is not in `ranges`, which are in order and apart.
    static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= 0x10_FFFF { result.append(next...0x10_FFFF) }
        return result
    }
}

/// The states that the text so far can have led to.
private struct RegularStates {
    private var current: [Int] = []
    private var marks: [Int]
    private var generation = 1
    private var stack: [Int] = []

    init(count: Int) { marks = Array(repeating: 0, count: count) }

    /// Adds the state `start` and all that can be reached from it without reading; true when one of them is the match.
    mutating func follow(_ start: Int, _ program: [RegularInstruction], before: Unicode.Scalar?, now: Unicode.Scalar?) -> Bool {
        stack.append(start)
        while let place = stack.popLast() {
            guard marks[place] != generation else { continue }
            marks[place] = generation
            switch program[place] {
            case .scalar: current.append(place)
            case .jump(let target): stack.append(target)
            case .split(let first, let second): stack += [second, first]
            case .begin: if before == nil { stack.append(place + 1) }
            case .end: if now == nil { stack.append(place + 1) }
            case .wordEdge: if isWord(before) != isWord(now) { stack.append(place + 1) }
            case .noWordEdge: if isWord(before) == isWord(now) { stack.append(place + 1) }
            case .match:
                stack.removeAll()
                return true
            }
        }
        return false
    }

    mutating func step(_ program: [RegularInstruction], over scalar: Unicode.Scalar, next: Unicode.Scalar?) -> Bool {
        let before = current
        current = []
        generation += 1
        for place in before {
            guard case .scalar(let set) = program[place], set.contains(scalar) else { continue }
            if follow(place + 1, program, before: scalar, now: next) { return true }
        }
        return false
    }

    private func isWord(_ scalar: Unicode.Scalar?) -> Bool {
        guard let scalar else { return false }
        return RegularSet.word.contains { $0.contains(scalar.value) }
    }
}
