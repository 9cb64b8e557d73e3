import Envelopes

/// `requirements*.txt` and `Pipfile.lock`.
enum PythonLocks {
    /// The requirements that are pinned with `==` or `===`. Source: pip's "Requirements File Format", PEP 508.
    static func parseRequirements(_ text: [UInt8], path: String) throws(LockFileError) -> [Dependency] {
        var found: [Dependency] = []
        var joined = ""
        var first = 1
        for (index, bytes) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let line = String(decoding: bytes.last == 0x0d ? bytes.dropLast() : bytes, as: UTF8.self)
            if joined.isEmpty { first = index + 1 }
            if line.hasSuffix("\\"), joined.utf8.count < 16_384 {
                joined += line.dropLast() + " "
                continue
            }
            if let dependency = requirement(joined + line, path, first) { found.append(dependency) }
            joined = ""
        }
        if let dependency = requirement(joined, path, first) { found.append(dependency) }
        return found
    }

    /// `name[extras] == version ; markers --hash=… # comment`.
    private static func requirement(_ line: String, _ path: String, _ number: Int) -> Dependency? {
        let content = line.prefix { $0 != "#" && $0 != ";" }
        guard let equals = content.firstRange(of: "==") else { return nil }
        let name = String(content[..<equals.lowerBound].prefix { $0 != "[" }).trimmed
        let version = String(content[equals.upperBound...].drop { $0 == "=" || $0 == " " }.prefix { !$0.isWhitespace && $0 != "," })
        let isName =
            !name.isEmpty && name.utf8.allSatisfy { ByteSet.word.contains($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
        guard isName, !name.hasPrefix("-"), !version.isEmpty, !version.hasSuffix("*") else { return nil }
        return Dependency(.python, name, version, file: path, line: number)
    }

    /// The sections of `Pipfile.lock` (`default`, `develop` and named ones).
    static func parsePipfile(_ text: [UInt8], path: String) throws(LockFileError) -> [Dependency] {
        let root: JSONValue
        do {
            root = try JSONValue.parse(text)
        } catch {
            throw LockFileError(reason: error.message)
        }
        guard let sections = root.object else { throw LockFileError(reason: "not a JSON object") }
        var found: [Dependency] = []
        for (section, packages) in sections where section != "_meta" {
            for (name, entry) in packages.object ?? [:] {
                guard let version = entry["version"]?.string, version.hasPrefix("==") else { continue }
                found.append(Dependency(.python, name, String(version.drop { $0 == "=" || $0 == " " }), file: path))
            }
        }
        return found
    }
}
