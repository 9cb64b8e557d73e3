/// The ACLs about resources of one type.
struct ACLTypeRules {
    private struct Prefix {
        let name: [UInt8]
        var rules: [ACLRule]
    }

    private var everywhere: [ACLRule] = []
    private var literals: [String: [ACLRule]] = [:]
    /// By name, in order of bytes.
    private var prefixes: [Prefix] = []

    mutating func insert(_ binding: ACLBinding) { change(binding) { $0.append(ACLRule(binding)) } }

    mutating func remove(_ binding: ACLBinding) {
        change(binding) { rules in
            if let index = rules.firstIndex(of: ACLRule(binding)) { rules.remove(at: index) }
        }
    }

    private mutating func change(_ binding: ACLBinding, _ body: (inout [ACLRule]) -> Void) {
        switch binding.pattern.patternType {
        case .literal where binding.pattern.name == ACLPattern.wildcard: body(&everywhere)
        case .literal:
            body(&literals[binding.pattern.name, default: []])
            if literals[binding.pattern.name]?.isEmpty ?? false { literals[binding.pattern.name] = nil }
        case .prefixed:
            let name = Array(binding.pattern.name.utf8)
            let end = name.withUnsafeBufferPointer { countUpTo($0[...], in: prefixes.count) }
            if end == 0 || prefixes[end - 1].name != name { prefixes.insert(Prefix(name: name, rules: []), at: end) }
            let index = end > 0 && prefixes[end - 1].name == name ? end - 1 : end
            body(&prefixes[index].rules)
            if prefixes[index].rules.isEmpty { prefixes.remove(at: index) }
        }
    }

    func decide(_ question: ACLIndex.Question, _ name: String) -> ACLIndex.Decision {
        var decision = ACLIndex.Decision()
        decision.take(everywhere, question)
        if let rules = literals[name] { decision.take(rules, question) }
        if !prefixes.isEmpty { forEachPrefix(of: name) { decision.take($0, question) } }
        return decision
    }

    func decideSomewhere(_ question: ACLIndex.Question) -> ACLIndex.Decision {
        var decision = ACLIndex.Decision()
        decision.take(everywhere, question)
        if decision.isDenied || decision.isAllowed { return decision }
        let some = literals.lazy.map { (name: $0.key, rules: $0.value) }
        decision.isAllowed =
            some.contains { allows($0.rules, question) && !isDenied($0.name, question) }
            || prefixes.contains { allows($0.rules, question) && !isDenied($0.name[...], question) }
        return decision
    }

    private func allows(_ rules: [ACLRule], _ question: ACLIndex.Question) -> Bool {
        rules.contains { $0.permission == .allow && $0.answers(question) }
    }

    private func isDenied(_ name: String, _ question: ACLIndex.Question) -> Bool { decide(question, name).isDenied }

    /// Whether all that begins so is denied.
    private func isDenied(_ prefix: ArraySlice<UInt8>, _ question: ACLIndex.Question) -> Bool {
        var decision = ACLIndex.Decision()
        prefix.withUnsafeBufferPointer { bytes in forEachPrefix(of: bytes[...]) { decision.take($0, question) } }
        return decision.isDenied
    }

    private func forEachPrefix(of name: String, _ body: ([ACLRule]) -> Void) {
        var name = name
        name.withUTF8 { forEachPrefix(of: $0[...], body) }
    }

    /// From the longest to the shortest.
    private func forEachPrefix(of name: Slice<UnsafeBufferPointer<UInt8>>, _ body: ([ACLRule]) -> Void) {
        var rest = name
        var end = prefixes.count
        while true {
            // Every prefix of a name stands before it, and whatever stands between the two has more in common with the name than the prefix has.
            end = countUpTo(rest, in: end)
            guard end > 0 else { return }
            end -= 1
            let candidate = prefixes[end]
            let common = Self.commonCount(candidate.name, rest)
            if common == candidate.name.count {
                body(candidate.rules)
                rest = rest.prefix(common - 1)
            } else {
                rest = rest.prefix(common)
            }
        }
    }

    private static func commonCount(_ one: [UInt8], _ other: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
        var count = 0
        for (left, right) in zip(one, other) {
            guard left == right else { break }
            count += 1
        }
        return count
    }

    /// How many of the first `count` prefixes stand before the name, or are it.
    private func countUpTo(_ name: Slice<UnsafeBufferPointer<UInt8>>, in count: Int) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if name.lexicographicallyPrecedes(prefixes[middle].name) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
