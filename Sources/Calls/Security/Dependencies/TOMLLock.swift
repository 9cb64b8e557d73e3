/// Lock files that are lists of `[[package]]` in TOML: `Cargo.lock`, `poetry.lock`, `uv.lock`, `pdm.lock`.
///
/// Only what these files are made of is read: table headers, and `key = "text"` lines; arrays and multi-line strings are passed over.
enum TOMLLock {
    /// One `[[package]]`: its text values, and the line of its header.
    private struct Package {
        var values: [String: String] = [:]
        let line: Int
    }

    static func parseCargo(_ text: [UInt8], path: String) throws(LockFileError) -> [Dependency] {
        packages(text).compactMap { package in
            // Without a source it is a part of the project itself; from git it is not the registry's package.
            guard let name = package.values["name"], let version = package.values["version"], let source = package.values["source"],
                source.hasPrefix("registry+") || source.hasPrefix("sparse+")
            else { return nil }
            return Dependency(.cargo, name, version, file: path, line: package.line)
        }
    }

    static func parsePython(_ text: [UInt8], path: String) throws(LockFileError) -> [Dependency] {
        packages(text).compactMap { package in
            guard let name = package.values["name"], let version = package.values["version"] else { return nil }
            let foreign: Set = ["git", "url", "directory", "file"]
            if let type = package.values["source.type"], foreign.contains(type) { return nil }
            // uv writes `source = { virtual = "." }` for the project itself.
            if let source = package.values["source"],
                ["virtual", "editable", "directory", "git", "path"].contains(where: { source.contains("\($0) =") })
            {
                return nil
            }
            return Dependency(.python, name, version, file: path, line: package.line)
        }
    }

    private static func packages(_ text: [UInt8]) -> [Package] {
        var result: [Package] = []
        /// What stands before the keys of the table that is being read; nil outside a package.
        var prefix: String?
        var openString: String?
        for (index, bytes) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let line = String(decoding: bytes.prefix(4096), as: UTF8.self).trimmed
            if let open = openString {
                if line.contains(open) { openString = nil }
                continue
            }
            if line.hasPrefix("[") {
                if line.hasPrefix("[[package]]") {
                    result.append(Package(line: index + 1))
                    prefix = ""
                } else if line.hasPrefix("[package."), let end = line.firstIndex(of: "]") {
                    prefix = result.isEmpty ? nil : String(line[line.index(line.startIndex, offsetBy: 9)..<end]) + "."
                } else {
                    prefix = nil
                }
                continue
            }
            guard let equals = line.firstIndex(of: "="), equals > line.startIndex else { continue }
            let key = String(line[..<equals]).trimmed
            let value = String(line[line.index(after: equals)...]).trimmed
            for quotes in ["\"\"\"", "'''"] where value.hasPrefix(quotes) && !value.dropFirst(3).contains(quotes) { openString = quotes }
            guard openString == nil, let prefix, !result.isEmpty, result[result.count - 1].values.count < 64 else { continue }
            if let text = string(value) {
                result[result.count - 1].values[prefix + key] = text
            } else if value.hasPrefix("{") {
                result[result.count - 1].values[prefix + key] = value
            }
        }
        return result
    }

    /// A basic or literal string on one line; names and versions have no escapes, so one that has is passed over.
    private static func string(_ value: String) -> String? {
        guard let quote = value.first, quote == "\"" || quote == "'" else { return nil }
        let rest = value.dropFirst()
        guard let end = rest.firstIndex(of: quote) else { return nil }
        let text = rest[..<end]
        return quote == "\"" && text.contains("\\") ? nil : String(text)
    }
}
