/// A regular expression over bytes, compiled to a table, so that it takes one step a byte whatever the input is: what it scans was written by
/// strangers, and a backtracking matcher could be made to run for hours.
///
/// Syntax: literals, `.` (all but a line end), `[a-z]`, `[^…]`, `\d \w \s \S \W \n \t`, `( | )`, `* + ? {n} {n,} {n,m}`. It finds the longest
/// match from a given place.
struct BytePattern: Sendable {
    /// Class of each byte value: bytes that no part of the pattern tells apart are one class.
    private let classes: [UInt8]
    private let classCount: Int
    /// `state * classCount + class` → next state. State 0 is dead, state 1 is the start.
    private let transitions: [UInt16]
    private let accepts: [Bool]

    static let maximumStates = 8192

    init(_ pattern: String, ignoresCase: Bool = false) throws(PatternError) {
        let automaton = Automaton(try PatternParser.parse(pattern, ignoresCase: ignoresCase))
        (classes, classCount) = automaton.byteClasses()
        var representative = [UInt8](repeating: 0, count: classCount)
        for byte in UInt8.min...UInt8.max { representative[Int(classes[Int(byte)])] = byte }

        let start = automaton.closure([automaton.start])
        var numbers: [[Int]: UInt16] = [[]: 0, start: 1]
        var sets: [[Int]] = [[], start]
        var transitions = [UInt16](repeating: 0, count: classCount)
        var index = 1
        while index < sets.count {
            for byte in representative {
                let target = automaton.closure(automaton.step(sets[index], byte))
                if let number = numbers[target] {
                    transitions.append(number)
                } else {
                    guard sets.count < Self.maximumStates else {
                        throw PatternError(pattern: pattern, offset: 0, reason: "needs more than \(Self.maximumStates) states")
                    }
                    numbers[target] = UInt16(sets.count)
                    transitions.append(UInt16(sets.count))
                    sets.append(target)
                }
            }
            index += 1
        }
        self.transitions = transitions
        accepts = sets.map { $0.contains(automaton.match) }
    }

    /// For patterns that stand in this source: a mistake in one is a mistake of ours.
    init(literal pattern: String, ignoresCase: Bool = false) {
        do {
            try self.init(pattern, ignoresCase: ignoresCase)
        } catch {
            preconditionFailure(error.description)
        }
    }

    /// Where the longest match that begins at `start` ends; nil when none does.
    func match(in bytes: UnsafeBufferPointer<UInt8>, at start: Int, limit: Int) -> Int? {
        var state = 1
        var end: Int? = accepts[1] ? start : nil
        var position = start
        while position < limit {
            state = Int(transitions[state * classCount + Int(classes[Int(bytes[position])])])
            if state == 0 { break }
            position += 1
            if accepts[state] { end = position }
        }
        return end
    }

    /// The first place from `start` where the pattern matches at least one byte, with the longest match there.
    func firstMatch(in bytes: UnsafeBufferPointer<UInt8>, from start: Int, limit: Int) -> Range<Int>? {
        var position = start
        while position < limit {
            if transitions[classCount + Int(classes[Int(bytes[position])])] != 0,
                let end = match(in: bytes, at: position, limit: limit), end > position
            {
                return position..<end
            }
            position += 1
        }
        return nil
    }

    /// Whether the pattern matches somewhere in `text`.
    func isFound(in text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { firstMatch(in: $0, from: 0, limit: $0.count) != nil }
    }

    /// Whether the pattern matches the whole of `text`.
    func matchesWhole(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { match(in: $0, at: 0, limit: $0.count) == $0.count }
    }
}

/// The nondeterministic automaton of a pattern (Thompson's construction), built from its end to its start.
private struct Automaton {
    enum State {
        case match
        case consume(ByteSet, next: Int)
        case split([Int])
    }
    private var states: [State] = [.match]
    private(set) var start = 0
    let match = 0

    init(_ node: PatternNode) { start = compile(node, to: match) }

    private mutating func add(_ state: State) -> Int {
        states.append(state)
        return states.count - 1
    }

    private mutating func compile(_ node: PatternNode, to next: Int) -> Int {
        switch node {
        case .empty: return next
        case .bytes(let set): return add(.consume(set, next: next))
        case .sequence(let items): return items.reversed().reduce(next) { target, item in compile(item, to: target) }
        case .choice(let branches): return add(.split(branches.map { branch in compile(branch, to: next) }))
        case .repeated(let item, let least, let most):
            var tail = next
            if let most {
                for _ in least..<most {
                    let body = compile(item, to: tail)
                    tail = add(.split([body, next]))
                }
            } else {
                let loop = add(.split([]))
                let body = compile(item, to: loop)
                states[loop] = .split([body, next])
                tail = loop
            }
            for _ in 0..<least { tail = compile(item, to: tail) }
            return tail
        }
    }

    /// The states that `from` reaches without a byte, sorted.
    func closure(_ from: [Int]) -> [Int] {
        var seen = Set<Int>()
        var stack = from
        var result: [Int] = []
        while let state = stack.popLast() {
            guard seen.insert(state).inserted else { continue }
            if case .split(let targets) = states[state] { stack.append(contentsOf: targets) } else { result.append(state) }
        }
        return result.sorted()
    }

    func step(_ from: [Int], _ byte: UInt8) -> [Int] {
        from.compactMap { state in
            if case .consume(let set, let next) = states[state], set.contains(byte) { next } else { nil }
        }
    }

    func byteClasses() -> ([UInt8], count: Int) {
        var sets = Set<ByteSet>()
        for case .consume(let set, _) in states { sets.insert(set) }
        var classes = [Int](repeating: 0, count: 256)
        var count = 1
        for set in sets {
            var split: [Int: Int] = [:]
            var hasOutside = Set<Int>()
            for byte in UInt8.min...UInt8.max where !set.contains(byte) { hasOutside.insert(classes[Int(byte)]) }
            for byte in UInt8.min...UInt8.max where set.contains(byte) {
                let old = classes[Int(byte)]
                guard hasOutside.contains(old) else { continue }
                if split[old] == nil {
                    split[old] = count
                    count += 1
                }
                classes[Int(byte)] = split[old] ?? old
            }
        }
        return (classes.map(UInt8.init), count)
    }
}
