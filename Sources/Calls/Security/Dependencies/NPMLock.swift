import Envelopes

/// `package-lock.json`, versions 1 to 3. Source: docs.npmjs.com, "package-lock.json".
enum NPMLock {
    static let maximumDepth = 64

    static func parse(_ text: [UInt8], path: String) throws(LockFileError) -> [Dependency] {
        let root: JSONValue
        do {
            root = try JSONValue.parse(text)
        } catch {
            throw LockFileError(reason: error.message)
        }
        guard root.object != nil else { throw LockFileError(reason: "not a JSON object") }
        var found: [Dependency] = []
        if let packages = root["packages"]?.object {
            for (place, entry) in packages {
                // The entry with the empty place is the project itself; a place outside node_modules is a part of it.
                guard let range = place.lastRange(of: "node_modules/"), entry["link"]?.bool != true else { continue }
                add(entry["name"]?.string ?? String(place[range.upperBound...]), entry, path, &found)
            }
        } else if let dependencies = root["dependencies"]?.object {
            collect(dependencies, path, depth: 0, &found)
        }
        return found
    }

    private static func collect(_ dependencies: [String: JSONValue], _ path: String, depth: Int, _ found: inout [Dependency]) {
        guard depth < maximumDepth else { return }
        for (name, entry) in dependencies {
            add(name, entry, path, &found)
            if let inner = entry["dependencies"]?.object { collect(inner, path, depth: depth + 1, &found) }
        }
    }

    private static func add(_ name: String, _ entry: JSONValue, _ path: String, _ found: inout [Dependency]) {
        guard var version = entry["version"]?.string, !name.isEmpty else { return }
        var name = name
        // `npm:real-name@1.2.3` is an alias for another package.
        if version.hasPrefix("npm:"), let at = version.lastIndex(of: "@"), at > version.index(version.startIndex, offsetBy: 4) {
            name = String(version[version.index(version.startIndex, offsetBy: 4)..<at])
            version = String(version[version.index(after: at)...])
        }
        // What comes from git, a directory or an address is not the registry's package.
        guard version.utf8.first.map(ByteSet.digits.contains) ?? false else { return }
        found.append(Dependency(.npm, name, version, file: path))
    }
}

extension String {
    /// The last place where `part` stands.
    func lastRange(of part: String) -> Range<String.Index>? {
        var result: Range<String.Index>?
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            result = range
            rest = rest[range.upperBound...]
        }
        return result
    }
}
