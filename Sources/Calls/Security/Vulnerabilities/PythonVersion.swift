/// A version in the order of PEP 440.
struct PythonVersion: Comparable, Sendable {
    private let epoch: DecimalNumber
    /// Without zeros at its end.
    private let release: [DecimalNumber]
    /// -1 development release of nothing else, 0 a, 1 b, 2 rc, 3 none.
    private let phase: Int
    private let phaseNumber: DecimalNumber
    private let post: DecimalNumber?
    private let development: DecimalNumber?
    private let local: [LocalPart]

    private enum LocalPart: Comparable, Sendable {
        case text(String)
        case number(DecimalNumber)

        static func < (left: LocalPart, right: LocalPart) -> Bool {
            switch (left, right) {
            case (.text(let left), .text(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
            case (.text, .number): true
            case (.number, .text): false
            case (.number(let left), .number(let right)): left < right
            }
        }
    }

    /// Nil for what PEP 440 does not accept.
    init?(_ text: String) {
        guard text.utf8.count <= 256 else { return nil }
        var reader = Reader(rest: text.lowercased().trimmed[...])
        reader.take(oneOf: ["v"])
        guard let zero = DecimalNumber("0"), var number = reader.number() else { return nil }
        if reader.take(oneOf: ["!"]) != nil {
            epoch = number
            guard let next = reader.number() else { return nil }
            number = next
        } else {
            epoch = zero
        }
        var release = [number]
        while reader.startsNumber(after: ".") {
            reader.take(oneOf: ["."])
            guard let next = reader.number() else { return nil }
            release.append(next)
        }
        while let last = release.last, release.count > 1, last.isZero { release.removeLast() }
        self.release = release

        var phase = 3
        var phaseNumber = zero
        if let word = reader.suffix(["alpha", "beta", "preview", "pre", "rc", "a", "b", "c"]) {
            phase = word.hasPrefix("a") ? 0 : word.hasPrefix("b") ? 1 : 2
            phaseNumber = reader.suffixNumber() ?? zero
        }
        if reader.startsNumber(after: "-") {
            reader.take(oneOf: ["-"])
            post = reader.number()
        } else if reader.suffix(["post", "rev", "r"]) != nil {
            post = reader.suffixNumber() ?? zero
        } else {
            post = nil
        }
        development = reader.suffix(["dev"]) != nil ? reader.suffixNumber() ?? zero : nil
        if phase == 3, post == nil, development != nil { phase = -1 }
        self.phase = phase
        self.phaseNumber = phaseNumber
        if reader.take(oneOf: ["+"]) != nil {
            let parts = reader.rest.split(omittingEmptySubsequences: false) { $0 == "." || $0 == "-" || $0 == "_" }
            guard parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) } }) else { return nil }
            local = parts.map { part in DecimalNumber(part).map(LocalPart.number) ?? .text(String(part)) }
        } else {
            guard reader.rest.isEmpty else { return nil }
            local = []
        }
    }

    static func < (left: PythonVersion, right: PythonVersion) -> Bool {
        if left.epoch != right.epoch { return left.epoch < right.epoch }
        if left.release != right.release { return left.release.precedes(right.release) }
        if left.phase != right.phase { return left.phase < right.phase }
        if left.phaseNumber != right.phaseNumber { return left.phaseNumber < right.phaseNumber }
        if left.post != right.post {
            guard let post = right.post else { return false }
            return left.post.map { $0 < post } ?? true
        }
        if left.development != right.development {
            guard let development = left.development else { return false }
            return right.development.map { development < $0 } ?? true
        }
        return left.local.precedes(right.local)
    }

    private struct Reader {
        var rest: Substring

        @discardableResult
        mutating func take(oneOf words: [String]) -> String? {
            guard let word = words.first(where: { rest.hasPrefix($0) }) else { return nil }
            rest = rest.dropFirst(word.count)
            return word
        }

        mutating func number() -> DecimalNumber? {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest[digits.endIndex...]
            return DecimalNumber(digits)
        }

        func startsNumber(after separator: Character) -> Bool {
            rest.first == separator && (rest.dropFirst().first.map { $0.isASCII && $0.isNumber } ?? false)
        }

        /// One of the words, with an optional separator before it.
        mutating func suffix(_ words: [String]) -> String? {
            let before = rest
            take(oneOf: [".", "-", "_"])
            if let word = take(oneOf: words) { return word }
            rest = before
            return nil
        }

        /// The number of a suffix, with an optional separator before it.
        mutating func suffixNumber() -> DecimalNumber? {
            if let separator = rest.first, ".-_".contains(separator), startsNumber(after: separator) { rest = rest.dropFirst() }
            return rest.first.map { $0.isASCII && $0.isNumber } ?? false ? number() : nil
        }
    }
}
