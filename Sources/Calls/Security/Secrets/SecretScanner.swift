/// A secret in a text: where it is and what stands for it, never the secret itself.
struct SecretMatch: Sendable, Equatable {
    let rule: String
    /// 1 for the first line.
    let line: Int
    let fingerprint: String
}

/// Finds secrets in a text by the rules. One instance serves many scans at once.
struct SecretScanner: Sendable {
    private let rules: [SecretRule]
    private let index: KeywordIndex
    /// The rule of each word in `index`.
    private let ruleOfWord: [Int]

    /// How far around a keyword a secret is looked for, in bytes.
    static let reach = 1024
    /// More secrets in one text than this are not told apart.
    static let maximumMatches = 100

    /// What stands for a secret of a rule; costly on purpose.
    private let fingerprint: @Sendable (_ rule: String, _ secret: [UInt8]) -> String

    init(
        rules: [SecretRule] = SecretRule.all,
        fingerprint: @escaping @Sendable (String, [UInt8]) -> String = { secretFingerprint(rule: $0, secret: $1) }
    ) {
        self.rules = rules
        self.fingerprint = fingerprint
        var words: [String] = []
        var owners: [Int] = []
        for (number, rule) in rules.enumerated() {
            words += rule.keywords
            owners += rule.keywords.map { _ in number }
        }
        index = KeywordIndex(words)
        ruleOfWord = owners
    }

    /// The secrets of `text` in the order of their places.
    func scan(_ text: [UInt8]) -> [SecretMatch] {
        text.withUnsafeBufferPointer { bytes in
            var hits: [[Range<Int>]] = Array(repeating: [], count: rules.count)
            index.scan(bytes) { word, end in
                let rule = ruleOfWord[word]
                let window = window(around: end, in: bytes, isMultiline: rules[rule].isMultiline)
                if let last = hits[rule].last, last.upperBound >= window.lowerBound {
                    hits[rule][hits[rule].count - 1] = last.lowerBound..<max(last.upperBound, window.upperBound)
                } else {
                    hits[rule].append(window)
                }
            }
            var found: [(rule: Int, range: Range<Int>)] = []
            for (number, windows) in hits.enumerated() {
                for window in windows { collect(number, bytes, window, &found) }
            }
            found.sort { $0.range.lowerBound < $1.range.lowerBound }
            return describe(found, bytes)
        }
    }

    private func window(around end: Int, in bytes: UnsafeBufferPointer<UInt8>, isMultiline: Bool) -> Range<Int> {
        var low = end
        let lowest = max(0, end - Self.reach)
        while low > lowest, bytes[low - 1] != 0x0a { low -= 1 }
        var high = end
        let highest = min(bytes.count, end + Self.reach)
        // The line end itself belongs to the window: some secrets are known by it.
        while high < highest, isMultiline || bytes[high] != 0x0a { high += 1 }
        if high < bytes.count, high < highest { high += 1 }
        return low..<high
    }

    private func collect(
        _ number: Int, _ bytes: UnsafeBufferPointer<UInt8>, _ window: Range<Int>, _ found: inout [(rule: Int, range: Range<Int>)]
    ) {
        let rule = rules[number]
        var position = window.lowerBound
        while position < window.upperBound, found.count < Self.maximumMatches {
            var range: Range<Int>
            if let lead = rule.lead {
                guard let before = lead.firstMatch(in: bytes, from: position, limit: window.upperBound) else { return }
                position = before.lowerBound + 1
                guard let end = rule.value.match(in: bytes, at: before.upperBound, limit: window.upperBound) else { continue }
                range = before.upperBound..<end
            } else {
                guard let match = rule.value.firstMatch(in: bytes, from: position, limit: window.upperBound) else { return }
                position = match.lowerBound + 1
                if match.lowerBound > 0, ByteSet.word.contains(bytes[match.lowerBound - 1]) { continue }
                range = match
            }
            guard isPlausible(rule, bytes, range), !found.contains(where: { $0.range.overlaps(range) }) else { continue }
            found.append((number, range))
            position = range.upperBound
        }
    }

    private func isPlausible(_ rule: SecretRule, _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Bool {
        let following = range.upperBound < bytes.count ? bytes[range.upperBound] : nil
        switch rule.ending {
        case .anything: break
        case .wordEnd: if let following, ByteSet.word.contains(following) { return false }
        case .oneOf(let set):
            // The end of the text ends a line as well.
            guard set.contains(following ?? 0x0a) else { return false }
        }
        guard shannonEntropy(bytes, range) >= rule.entropy else { return false }
        return !ExampleValues.contains(String(decoding: bytes[range], as: UTF8.self), isGeneric: rule.isGeneric)
    }

    private func describe(_ found: [(rule: Int, range: Range<Int>)], _ bytes: UnsafeBufferPointer<UInt8>) -> [SecretMatch] {
        var line = 1
        var counted = 0
        return found.map { match in
            for index in counted..<match.range.lowerBound where bytes[index] == 0x0a { line += 1 }
            counted = match.range.lowerBound
            let rule = rules[match.rule].id
            return SecretMatch(rule: rule, line: line, fingerprint: fingerprint(rule, Array(bytes[match.range])))
        }
    }
}

/// Values that people write where a secret would stand.
enum ExampleValues {
    private static let everywhere = BytePattern(literal: "example|xxxxxx|[*]{6}|[.]{6}|000000000000", ignoresCase: true)
    private static let generic = BytePattern(
        literal: #"change.?me|your[_\-]|placeholder|dummy|redacted|insert|replace|fixme|todo|<|%[({sd]|\$[({\w]"#, ignoresCase: true)
    private static let commonPassword = BytePattern(
        literal: "pass(word|wd)?|secret|user(name)?|admin|root|postgres|mysql|guest|test|token|foo|bar|[*]+", ignoresCase: true)
    private static let letter = BytePattern(literal: "[a-z]", ignoresCase: true)
    private static let digit = BytePattern(literal: #"\d"#)

    static func contains(_ value: String, isGeneric: Bool) -> Bool {
        if everywhere.isFound(in: value) { return true }
        guard isGeneric else { return false }
        if generic.isFound(in: value) || commonPassword.matchesWhole(value) { return true }
        // Words in quotes are messages and names far more often than secrets.
        return !(letter.isFound(in: value) && digit.isFound(in: value))
    }
}
