/// How many findings of each severity.
public struct FindingCounts: Codable, Sendable, Equatable {
    /// Findings of severity critical.
    public var critical: Int
    /// Findings of severity high.
    public var high: Int
    /// Findings of severity medium.
    public var medium: Int
    /// Findings of severity low.
    public var low: Int

    public init(
        critical: Int, high: Int, medium: Int, low: Int
    ) {
        self.critical = critical
        self.high = high
        self.medium = medium
        self.low = low
    }

    enum CodingKeys: String, CodingKey {
        case critical, high, medium, low
    }
}

/// A dependency with a known weakness.
public struct Vulnerability: Codable, Sendable, Equatable {
    /// Its name in the vulnerability database, e.g. `GHSA-…`.
    public var id: String
    /// The package.
    public var package: String
    /// OSV's name of the ecosystem, e.g. `npm`.
    public var ecosystem: String
    /// The version in use.
    public var version: String
    /// How bad it is.
    public var severity: FindingSeverity
    /// The first version without it, where one is known.
    public var fixedIn: String?

    public init(
        id: String, package: String, ecosystem: String, version: String, severity: FindingSeverity, fixedIn: String? = nil
    ) {
        self.id = id
        self.package = package
        self.ecosystem = ecosystem
        self.version = version
        self.severity = severity
        self.fixedIn = fixedIn
    }

    enum CodingKeys: String, CodingKey {
        case id, package, ecosystem, version, severity
        case fixedIn = "fixed_in"
    }
}

/// Where a secret was found. Never the secret itself.
public struct SecretFinding: Codable, Sendable, Equatable {
    /// The rule that found it.
    public var rule: String
    /// Path in the repository.
    public var file: String
    /// Line number, from 1.
    public var line: Int
    /// Tells two findings apart without showing either.
    public var fingerprint: String

    public init(
        rule: String, file: String, line: Int, fingerprint: String
    ) {
        self.rule = rule
        self.file = file
        self.line = line
        self.fingerprint = fingerprint
    }

    enum CodingKeys: String, CodingKey {
        case rule, file, line, fingerprint
    }
}

/// What a policy decided about a build.
public enum ScanVerdict: String, Codable, Sendable, CaseIterable { case pass, fail }

/// How bad a finding is, the worst first.
public enum FindingSeverity: String, Codable, Sendable, CaseIterable, Comparable {
    case critical, high, medium, low

    private var rank: Int {
        switch self {
        case .low: 0
        case .medium: 1
        case .high: 2
        case .critical: 3
        }
    }
    public static func < (left: FindingSeverity, right: FindingSeverity) -> Bool { left.rank < right.rank }
}
