/// The repository's list of secrets that are known and allowed: `.botmesh-secrets-allow`.
///
/// One entry a line; `#` begins a comment. An entry is one or more of `fingerprint:<32 hex digits>`, `path:<glob>`, `rule:<id>`, with spaces
/// between, and covers what fits all of them. A bare fingerprint is an entry, too.
struct SecretAllowList: Sendable, Equatable {
    static let fileName = ".botmesh-secrets-allow"
    static let maximumBytes = 262_144
    static let maximumEntries = 2000

    private struct Entry: Sendable, Equatable {
        var fingerprint: String?
        var path: PathGlob?
        var rule: String?
    }
    private var entries: [Entry] = []
    /// What could not be read, as `line 3: …`.
    private(set) var problems: [String] = []

    init() {}

    init(parsing text: [UInt8]) {
        if text.count > Self.maximumBytes { problems.append("the file is larger than \(Self.maximumBytes) bytes; the rest is not read") }
        let lines = text.prefix(Self.maximumBytes).split(separator: 0x0a, omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            guard entries.count < Self.maximumEntries else {
                problems.append("more than \(Self.maximumEntries) entries; the rest is not read")
                return
            }
            let content = line.prefix { $0 != UInt8(ascii: "#") }
            let words = content.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }.map { String(decoding: $0, as: UTF8.self) }
            guard !words.isEmpty else { continue }
            var entry = Entry()
            var isGood = true
            for word in words where isGood { isGood = Self.read(word, into: &entry) }
            if isGood {
                entries.append(entry)
            } else {
                problems.append("line \(number + 1): expected fingerprint:<32 hex digits>, path:<glob> or rule:<id>")
            }
        }
    }

    private static func read(_ word: String, into entry: inout Entry) -> Bool {
        if word.hasPrefix("path:"), word.count > 5 {
            entry.path = PathGlob(String(word.dropFirst(5)))
        } else if word.hasPrefix("rule:"), word.count > 5 {
            entry.rule = String(word.dropFirst(5))
        } else {
            let digits = word.hasPrefix("fingerprint:") ? String(word.dropFirst(12)) : word
            guard digits.utf8.count == 32, digits.utf8.allSatisfy({ ByteSet.digits.contains($0) || (0x61...0x66).contains($0) }) else {
                return false
            }
            entry.fingerprint = digits
        }
        return true
    }

    func allows(rule: String, path: String, fingerprint: String) -> Bool {
        entries.contains { entry in
            (entry.fingerprint.map { $0 == fingerprint } ?? true) && (entry.rule.map { $0 == rule } ?? true)
                && (entry.path.map { $0.matches(path) } ?? true)
        }
    }
}
