import Envelopes

/// Scans an artifact's tree and its commit's diff, and writes the findings beside the artifact. What follows from them is the bot's to decide.
public struct SecurityScanRequest: CallRequest {
    public typealias Response = SecurityScanResponse
    public static let kind: CallKind = "security.scan"

    public var repository: String
    public var commit: String
    public var artifact: ArtifactReference
    public var settings: SecurityScanSettings
    public var timeLimit: Duration

    public init(
        repository: String, commit: String, artifact: ArtifactReference, settings: SecurityScanSettings, timeLimit: Duration = .seconds(900)
    ) {
        self.repository = repository
        self.commit = commit
        self.artifact = artifact
        self.settings = settings
        self.timeLimit = timeLimit
    }
}

/// What a scan looks for.
public enum SecurityCheck: String, Codable, Sendable, CaseIterable {
    /// Secrets in the tree and in the commit's diff.
    case secrets
    /// Dangerous calls in shell, Python, JavaScript and Swift.
    case `static`
    case dockerfile
    /// What lock files name, against known vulnerabilities.
    case dependencies
}

public struct SecurityScanSettings: Codable, Sendable, Equatable {
    public var checks: [SecurityCheck]
    /// What a repository's URL must begin with so that its commit is fetched for the diff.
    public var repositories: [String]
    /// A directory of OSV records (JSON files, at any depth). nil: dependencies are listed, and not compared with anything.
    public var osvDirectory: String?
    /// Ids of rules and vulnerabilities (or their aliases) that do not count.
    public var ignored: [String]
    /// Globs of paths that are not looked at.
    public var excludedPaths: [String]

    public init(
        checks: [SecurityCheck] = SecurityCheck.allCases, repositories: [String] = [], osvDirectory: String? = nil, ignored: [String] = [],
        excludedPaths: [String] = []
    ) {
        self.checks = checks
        self.repositories = repositories
        self.osvDirectory = osvDirectory
        self.ignored = ignored
        self.excludedPaths = excludedPaths
    }
}

public struct SecurityScanResponse: Codable, Sendable, Equatable {
    /// How many findings each check has. Secrets count as critical.
    public var secretCounts: FindingCounts
    public var staticCounts: FindingCounts
    public var dockerfileCounts: FindingCounts
    public var dependencyCounts: FindingCounts
    /// The worst first, at most 200.
    public var vulnerabilities: [Vulnerability]
    /// At most 200.
    public var secrets: [SecretFinding]
    /// False when a limit ended the scan before all was looked at, or a lock file could not be read.
    public var isComplete: Bool
    /// What was passed over, and why; at most 20.
    public var notes: [String]
    public var sarifURL: String
    public var sbomURL: String
    public var durationSeconds: Double

    public init(
        secretCounts: FindingCounts, staticCounts: FindingCounts, dockerfileCounts: FindingCounts, dependencyCounts: FindingCounts,
        vulnerabilities: [Vulnerability], secrets: [SecretFinding], isComplete: Bool, notes: [String], sarifURL: String, sbomURL: String,
        durationSeconds: Double
    ) {
        self.secretCounts = secretCounts
        self.staticCounts = staticCounts
        self.dockerfileCounts = dockerfileCounts
        self.dependencyCounts = dependencyCounts
        self.vulnerabilities = vulnerabilities
        self.secrets = secrets
        self.isComplete = isComplete
        self.notes = notes
        self.sarifURL = sarifURL
        self.sbomURL = sbomURL
        self.durationSeconds = durationSeconds
    }
}

extension FindingCounts {
    public static let none = FindingCounts(critical: 0, high: 0, medium: 0, low: 0)

    public subscript(_ severity: FindingSeverity) -> Int {
        get {
            switch severity {
            case .critical: critical
            case .high: high
            case .medium: medium
            case .low: low
            }
        }
        set {
            switch severity {
            case .critical: critical = newValue
            case .high: high = newValue
            case .medium: medium = newValue
            case .low: low = newValue
            }
        }
    }

    public var total: Int { critical + high + medium + low }

    public static func + (left: FindingCounts, right: FindingCounts) -> FindingCounts {
        FindingCounts(
            critical: left.critical + right.critical, high: left.high + right.high, medium: left.medium + right.medium,
            low: left.low + right.low)
    }
}
