/// A version in the order of Semantic Versioning 2.0.0; a leading `v` and missing parts are taken, as registries do.
struct SemanticVersion: Comparable, Sendable {
    private let numbers: [DecimalNumber]
    /// Empty for a release.
    private let prerelease: [Identifier]

    private enum Identifier: Comparable, Sendable {
        case number(DecimalNumber)
        case text(String)

        /// Numbers come before texts; texts are compared by their bytes.
        static func < (left: Identifier, right: Identifier) -> Bool {
            switch (left, right) {
            case (.number(let left), .number(let right)): left < right
            case (.number, .text): true
            case (.text, .number): false
            case (.text(let left), .text(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
            }
        }
    }

    /// Nil for what is not a version.
    init?(_ text: String) {
        guard text.utf8.count <= 256 else { return nil }
        let bare = text.first == "v" || text.first == "V" ? text.dropFirst() : text[...]
        let core = bare.prefix { $0 != "+" }
        let release = core.prefix { $0 != "-" }
        var numbers: [DecimalNumber] = []
        for part in release.split(separator: ".", omittingEmptySubsequences: false) {
            guard let number = DecimalNumber(part) else { return nil }
            numbers.append(number)
        }
        guard (1...4).contains(numbers.count) else { return nil }
        while let last = numbers.last, numbers.count > 1, last.isZero { numbers.removeLast() }
        self.numbers = numbers
        guard release.endIndex < core.endIndex else {
            prerelease = []
            return
        }
        prerelease = core[core.index(after: release.endIndex)...].split(separator: ".", omittingEmptySubsequences: false).map { part in
            DecimalNumber(part).map(Identifier.number) ?? .text(String(part))
        }
    }

    static func < (left: SemanticVersion, right: SemanticVersion) -> Bool {
        if left.numbers != right.numbers { return left.numbers.precedes(right.numbers) }
        if left.prerelease.isEmpty || right.prerelease.isEmpty { return !left.prerelease.isEmpty && right.prerelease.isEmpty }
        return left.prerelease.precedes(right.prerelease)
    }
}

/// A whole number of any length, as versions have them.
struct DecimalNumber: Comparable, Sendable {
    /// Without leading zeros; empty for zero.
    private let digits: [UInt8]

    init?(_ text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.allSatisfy(ByteSet.digits.contains) else { return nil }
        digits = Array(text.utf8.drop { $0 == UInt8(ascii: "0") })
    }

    var isZero: Bool { digits.isEmpty }

    static func < (left: DecimalNumber, right: DecimalNumber) -> Bool {
        if left.digits.count != right.digits.count { return left.digits.count < right.digits.count }
        return left.digits.lexicographicallyPrecedes(right.digits)
    }
}

extension Array where Element: Comparable {
    /// Part by part; the shorter comes first when all its parts are equal.
    func precedes(_ other: [Element]) -> Bool {
        for (left, right) in zip(self, other) where left != right { return left < right }
        return count < other.count
    }
}
