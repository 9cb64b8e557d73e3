/// `go.mod` and `go.sum`. Source: go.dev/ref/mod.
enum GoLocks {
    /// The `require` directives with the `replace` directives applied. Since Go 1.17 they are the whole build list.
    static func parseModule(_ text: [UInt8], path: String) throws(LockFileError) -> [Dependency] {
        var required: [(name: String, version: String, line: Int)] = []
        var replaced: [String: (name: String, version: String)?] = [:]
        var block = ""
        for (index, bytes) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            var line = String(decoding: bytes.prefix(4096), as: UTF8.self)
            if let comment = line.firstRange(of: "//") { line = String(line[..<comment.lowerBound]) }
            var words = line.split { $0.isWhitespace }.map { $0.trimmingQuotes }
            guard let first = words.first else { continue }
            if first == ")" {
                block = ""
                continue
            }
            if words.count == 2, words[1] == "(" {
                block = first
                continue
            }
            let directive = block.isEmpty ? first : block
            if block.isEmpty { words.removeFirst() }
            switch directive {
            case "require" where words.count >= 2: required.append((words[0], words[1], index + 1))
            case "replace":
                guard let arrow = words.firstIndex(of: "=>"), arrow >= 1, arrow + 1 < words.count else { continue }
                let target = Array(words[(arrow + 1)...])
                let old = words[0] + (arrow >= 2 ? "@" + words[1] : "")
                replaced.updateValue(target.count >= 2 ? (target[0], target[1]) : nil, forKey: old)
            default: break
            }
        }
        return required.compactMap { entry in
            // A replacement without a version is a directory of the project.
            if let replacement = replaced["\(entry.name)@\(entry.version)"] ?? replaced[entry.name] {
                return replacement.map { Dependency(.go, $0.name, bare($0.version), file: path, line: entry.line) }
            }
            return Dependency(.go, entry.name, bare(entry.version), file: path, line: entry.line)
        }
    }

    /// The highest version of each module whose content (not only its `go.mod`) has a sum: what a build without a `go.mod` beside it would take.
    static func parseSums(_ text: [UInt8], path: String) throws(LockFileError) -> [Dependency] {
        var highest: [String: (version: String, order: SemanticVersion?, line: Int)] = [:]
        for (index, bytes) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let words = String(decoding: bytes.prefix(4096), as: UTF8.self).split(separator: " ")
            guard words.count == 3, words[2].hasPrefix("h1:"), !words[1].hasSuffix("/go.mod") else { continue }
            let version = bare(String(words[1]))
            let order = SemanticVersion(version)
            if let known = highest[String(words[0])] {
                guard let order, known.order.map({ $0 < order }) ?? true else { continue }
            }
            highest[String(words[0])] = (version, order, index + 1)
        }
        return highest.map { Dependency(.go, $0.key, $0.value.version, file: path, line: $0.value.line) }
    }

    /// Without the `v` that Go writes and OSV does not.
    private static func bare(_ version: String) -> String { version.hasPrefix("v") ? String(version.dropFirst()) : version }
}

extension Substring {
    fileprivate var trimmingQuotes: String { first == "\"" && last == "\"" && count >= 2 ? String(dropFirst().dropLast()) : String(self) }
}
