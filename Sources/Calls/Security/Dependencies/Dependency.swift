/// Where packages come from, under OSV's name of it.
enum Ecosystem: String, Sendable, CaseIterable {
    case npm
    case python = "PyPI"
    case cargo = "crates.io"
    case go = "Go"

    /// The package's name as its registry compares it. Source for PyPI: PEP 503.
    func normalized(_ name: String) -> String {
        guard self == .python else { return name }
        var result = ""
        for character in name.lowercased() {
            if character == "-" || character == "_" || character == "." {
                if result.last != "-" { result.append("-") }
            } else {
                result.append(character)
            }
        }
        return result
    }
}

/// One package in one version that a lock file names.
struct Dependency: Sendable, Hashable {
    let ecosystem: Ecosystem
    /// Normalized for its ecosystem.
    let name: String
    let version: String
    /// The lock file that names it, and the line where one is known.
    let file: String
    let line: Int?

    init(_ ecosystem: Ecosystem, _ name: String, _ version: String, file: String, line: Int? = nil) {
        self.ecosystem = ecosystem
        self.name = ecosystem.normalized(name)
        self.version = version
        self.file = file
        self.line = line
    }

    /// The package URL. Source: the purl specification (ECMA-427), types npm, pypi, cargo, golang.
    var packageURL: String {
        let type =
            switch ecosystem {
            case .npm: "npm"
            case .python: "pypi"
            case .cargo: "cargo"
            case .go: "golang"
            }
        let path = name.split(separator: "/").map { percentEncoded($0) }.joined(separator: "/")
        return "pkg:\(type)/\(path)@\(percentEncoded(version))"
    }
}

/// Everything but unreserved characters (RFC 3986) and the colon as `%XX`.
func percentEncoded(_ text: some StringProtocol) -> String {
    var result = ""
    for byte in text.utf8 {
        if ByteSet.word.contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "~")
            || byte == UInt8(ascii: ":")
        {
            result.unicodeScalars.append(Unicode.Scalar(byte))
        } else {
            result += "%" + hexText([byte]).uppercased()
        }
    }
    return result
}

/// A lock file that cannot be read.
struct LockFileError: Error, Equatable {
    let reason: String
}

/// The lock files that are known, and what reads each.
enum LockFile {
    /// More dependencies of one file than this are not read; the scan then counts as incomplete.
    static let maximumDependencies = 50_000
    static let maximumBytes = 32 << 20

    static func isKnown(path: String) -> Bool { reader(path) != nil }

    /// The dependencies that a lock file names, sorted, each once.
    static func parse(path: String, text: [UInt8]) throws(LockFileError) -> [Dependency] {
        guard let read = reader(path) else { return [] }
        let found = try read(text, path)
        var seen = Set<String>()
        let unique = found.filter { isReadable($0) && seen.insert("\($0.name)\u{1f}\($0.version)").inserted }
        if unique.count > maximumDependencies { throw LockFileError(reason: "more than \(maximumDependencies) dependencies") }
        return unique.sorted { ($0.name, $0.version) < ($1.name, $1.version) }
    }

    private static func isReadable(_ dependency: Dependency) -> Bool {
        func isShort(_ text: String) -> Bool {
            (1...256).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f }
        }
        return isShort(dependency.name) && isShort(dependency.version)
    }

    private typealias Reader = @Sendable ([UInt8], String) throws(LockFileError) -> [Dependency]

    private static func reader(_ path: String) -> Reader? {
        let name = String(path.split(separator: "/").last ?? "")
        switch name {
        case "package-lock.json", "npm-shrinkwrap.json": return NPMLock.parse
        case "Cargo.lock": return TOMLLock.parseCargo
        case "poetry.lock", "uv.lock", "pdm.lock": return TOMLLock.parsePython
        case "Pipfile.lock": return PythonLocks.parsePipfile
        case "go.mod": return GoLocks.parseModule
        case "go.sum": return GoLocks.parseSums
        default:
            let isRequirements = name.hasPrefix("requirements") || name.hasSuffix("requirements.txt")
            return isRequirements && name.hasSuffix(".txt") ? PythonLocks.parseRequirements : nil
        }
    }
}
