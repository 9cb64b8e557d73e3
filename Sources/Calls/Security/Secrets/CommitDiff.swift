/// What a commit adds to and takes from each text file, from `git diff-tree -p -U0`.
///
/// A secret that a commit takes away still lies in the repository's history, so both sides are looked at.
struct CommitDiff: Sendable, Equatable {
    struct Change: Sendable, Equatable {
        let path: String
        let isRemoval: Bool
        /// The first line's number in the file after (for a removal: before) the commit.
        let firstLine: Int
        /// The lines, each with its line end.
        var text: [UInt8]
    }

    /// One for every run of neighbouring lines.
    private(set) var changes: [Change] = []
    /// Whether `maximumChanges` cut the diff short.
    private(set) var isCut = false

    static let maximumChanges = 20_000

    init(parsing diff: [UInt8]) {
        var path = ""
        var oldPath = ""
        var oldLine = 0
        var newLine = 0
        var remainingOld = 0
        var remainingNew = 0
        var isContinued = false
        for line in diff.split(separator: 0x0a, omittingEmptySubsequences: false) {
            if remainingOld > 0 || remainingNew > 0, let sign = line.first {
                let content = line.dropFirst()
                if sign == UInt8(ascii: "+"), remainingNew > 0 {
                    append(content, path: path, isRemoval: false, line: newLine, &isContinued)
                    newLine &+= 1
                    remainingNew -= 1
                    continue
                } else if sign == UInt8(ascii: "-"), remainingOld > 0 {
                    append(content, path: oldPath, isRemoval: true, line: oldLine, &isContinued)
                    oldLine &+= 1
                    remainingOld -= 1
                    continue
                } else if sign == UInt8(ascii: " ") {
                    isContinued = false
                    oldLine &+= 1
                    newLine &+= 1
                    remainingOld -= 1
                    remainingNew -= 1
                    continue
                } else if sign == UInt8(ascii: "\\") {
                    continue
                }
            }
            isContinued = false
            remainingOld = 0
            remainingNew = 0
            if line.starts(with: "--- ".utf8) {
                oldPath = Self.path(line.dropFirst(4), side: UInt8(ascii: "a"))
            } else if line.starts(with: "+++ ".utf8) {
                path = Self.path(line.dropFirst(4), side: UInt8(ascii: "b"))
            } else if line.starts(with: "@@ ".utf8), let hunk = Self.hunk(line) {
                (oldLine, remainingOld, newLine, remainingNew) = hunk
            }
        }
    }

    private mutating func append(_ content: ArraySlice<UInt8>, path: String, isRemoval: Bool, line: Int, _ isContinued: inout Bool) {
        if isContinued, let last = changes.indices.last, changes[last].isRemoval == isRemoval, changes[last].path == path {
            changes[last].text += content
            changes[last].text.append(0x0a)
        } else if changes.count < Self.maximumChanges {
            changes.append(Change(path: path, isRemoval: isRemoval, firstLine: line, text: Array(content) + [0x0a]))
        } else {
            isCut = true
            return
        }
        isContinued = true
    }

    /// `a/dir/file` without its side; git ends a name that has a space with a tab, and quotes one with unusual bytes (kept quoted here).
    private static func path(_ name: ArraySlice<UInt8>, side: UInt8) -> String {
        let bare = name.prefix { $0 != 0x09 && $0 != 0x0d }
        let isSided = bare.count > 2 && bare.first == side && bare[bare.startIndex + 1] == UInt8(ascii: "/")
        return String(decoding: isSided ? bare.dropFirst(2) : bare, as: UTF8.self)
    }

    /// `@@ -12,3 +14 @@` → the first line and the number of lines on each side; nil for anything else.
    private static func hunk(_ line: ArraySlice<UInt8>) -> (Int, Int, Int, Int)? {
        let parts = line.split(separator: 0x20)
        guard parts.count >= 3, parts[1].first == UInt8(ascii: "-"), parts[2].first == UInt8(ascii: "+") else { return nil }
        func side(_ part: ArraySlice<UInt8>) -> (Int, Int)? {
            let numbers = part.dropFirst().split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            let values = numbers.map { Int(String(decoding: $0, as: UTF8.self)) }
            guard (1...2).contains(values.count), let first = values[0], let count = values.count == 2 ? values[1] : 1 else { return nil }
            guard (0...1_000_000_000).contains(first), (0...1_000_000_000).contains(count) else { return nil }
            return (first, count)
        }
        guard let old = side(parts[1]), let new = side(parts[2]) else { return nil }
        return (old.0, old.1, new.0, new.1)
    }
}
