/// A regular expression over bytes that is run as a set of places in the pattern, so that its time grows with the text and the pattern and
/// never faster: what it scans was written by strangers, and a backtracking matcher could be made to run for hours.
///
/// Syntax: literals, `.` (all but a line end), `[a-z]`, `[^…]`, `\d \w \s \S \W \n \t`, `( | )`, `* + ? {n} {n,} {n,m}`. It finds the longest
/// match from a given place.
struct BytePattern: Sendable {
    /// Class of each byte value: bytes that no part of the pattern tells apart are one class.
    private let classes: [UInt8]
    /// Words of one set of places; a place is a part of the pattern that takes one byte.
    private let words: Int
    /// Class → the places that take its bytes.
    private let takers: [UInt64]
    /// Place → the places that may come after it.
    private let followers: [UInt64]
    /// The places behind which the pattern may end.
    private let ends: [UInt64]
    private let starts: [UInt64]
    private let matchesNothing: Bool
    /// The bytes that a match can begin with, by value.
    private let beginners: [Bool]

    static let maximumPlaces = 4096

    init(_ pattern: String, ignoresCase: Bool = false) throws(PatternError) {
        let automaton = Automaton(try PatternParser.parse(pattern, ignoresCase: ignoresCase))
        let places = automaton.places()
        guard places.count <= Self.maximumPlaces else {
            throw PatternError(pattern: pattern, offset: 0, reason: "has more than \(Self.maximumPlaces) places")
        }
        let words = max(1, (places.count + 63) / 64)
        var numbers: [Int: Int] = [:]
        for (number, place) in places.enumerated() { numbers[place.state] = number }
        func insert(_ states: [Int], into sets: inout [UInt64], at set: Int) {
            for number in states.compactMap({ numbers[$0] }) { sets[set * words + number / 64] |= 1 << UInt64(number % 64) }
        }
        let (classes, classCount) = automaton.byteClasses()
        var representative = [UInt8](repeating: 0, count: classCount)
        for byte in UInt8.min...UInt8.max { representative[Int(classes[Int(byte)])] = byte }
        var takers = [UInt64](repeating: 0, count: classCount * words)
        var followers = [UInt64](repeating: 0, count: max(1, places.count) * words)
        var ends = [UInt64](repeating: 0, count: words)
        for (number, place) in places.enumerated() {
            for (index, byte) in representative.enumerated() where place.bytes.contains(byte) {
                insert([place.state], into: &takers, at: index)
            }
            let after = automaton.closure([place.next])
            insert(after, into: &followers, at: number)
            if after.contains(automaton.match) { insert([place.state], into: &ends, at: 0) }
        }
        let first = automaton.closure([automaton.start])
        var starts = [UInt64](repeating: 0, count: words)
        insert(first, into: &starts, at: 0)
        self.classes = classes
        self.words = words
        self.takers = takers
        self.followers = followers
        self.ends = ends
        self.starts = starts
        matchesNothing = first.contains(automaton.match)
        beginners = (0..<256).map { byte in
            let taker = Int(classes[byte]) * words
            return (0..<words).contains { starts[$0] & takers[taker + $0] != 0 }
        }
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
        var end: Int? = matchesNothing ? start : nil
        guard start < limit, beginners[Int(bytes[start])] else { return end }
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * words) { sets in
            let (current, next) = (
                UnsafeMutableBufferPointer(rebasing: sets[..<words]), UnsafeMutableBufferPointer(rebasing: sets[words...])
            )
            _ = current.initialize(from: starts)
            for position in start..<limit {
                guard step(current, next, bytes[position], &end, position + 1) else { return }
                for word in 0..<words { current[word] = next[word] }
            }
        }
        return end
    }

    /// Goes on over one byte; false when no place takes it.
    private func step(
        _ current: UnsafeMutableBufferPointer<UInt64>, _ next: UnsafeMutableBufferPointer<UInt64>, _ byte: UInt8, _ end: inout Int?,
        _ position: Int
    ) -> Bool {
        next.update(repeating: 0)
        let taker = Int(classes[Int(byte)]) * words
        var isAlive = false
        for word in 0..<words {
            var active = current[word] & takers[taker + word]
            if active == 0 { continue }
            isAlive = true
            if active & ends[word] != 0 { end = position }
            while active != 0 {
                let follower = (word * 64 + active.trailingZeroBitCount) * words
                for other in 0..<words { next[other] |= followers[follower + other] }
                active &= active &- 1
            }
        }
        return isAlive
    }

    /// The first place from `start` where the pattern matches at least one byte, with the longest match there.
    func firstMatch(in bytes: UnsafeBufferPointer<UInt8>, from start: Int, limit: Int) -> Range<Int>? {
        var position = start
        while position < limit {
            if beginners[Int(bytes[position])], let end = match(in: bytes, at: position, limit: limit), end > position {
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

    /// The states that take a byte.
    func places() -> [(state: Int, bytes: ByteSet, next: Int)] {
        states.indices.compactMap { state in
            if case .consume(let bytes, let next) = states[state] { (state, bytes, next) } else { nil }
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
