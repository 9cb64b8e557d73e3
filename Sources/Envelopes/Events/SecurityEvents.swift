/// A scan began.
/// Topic `security.scan_started`.
public struct SecurityScanStarted: EventPayload {
    public static let type: EventType = "security.scan_started"

    /// The scan: the run id of SecurityBot.
    public var scanID: String
    /// The test run: the run id of TestBot.
    public var testID: String?
    /// The build: the run id of BuildBot.
    public var buildID: String
    /// URL of the git repository.
    public var repository: String
    /// Hash of the commit, hexadecimal.
    public var commit: String
    /// Branch that the commit was pushed to.
    public var branch: String?

    public init(
        scanID: String, testID: String? = nil, buildID: String, repository: String, commit: String, branch: String? = nil
    ) {
        self.scanID = scanID
        self.testID = testID
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case scanID = "scan_id"
        case testID = "test_id"
        case buildID = "build_id"
        case repository, commit, branch
    }
}

/// A scan ended with a verdict; `pass` lets the artifact go on to deployment.
/// Topic `security.scan_completed`.
public struct SecurityScanCompleted: EventPayload {
    public static let type: EventType = "security.scan_completed"

    /// The scan: the run id of SecurityBot.
    public var scanID: String
    /// The test run: the run id of TestBot.
    public var testID: String?
    /// The build: the run id of BuildBot.
    public var buildID: String
    /// URL of the git repository.
    public var repository: String
    /// Hash of the commit, hexadecimal.
    public var commit: String
    /// Branch that the commit was pushed to.
    public var branch: String?
    /// Who wrote the commit, as git names them.
    public var author: String?
    /// The commit's message.
    public var message: String?
    /// What was built, and where it lies.
    public var artifact: ArtifactReference
    /// What the policy decided.
    public var verdict: ScanVerdict
    /// How many findings of each severity.
    public var findings: FindingCounts
    /// Why the policy refused it; empty for a pass.
    public var reasons: [String]
    /// Where the SARIF report lies.
    public var sarifURL: String?
    /// Where the CycloneDX bill of materials lies.
    public var sbomURL: String?
    /// How long it took, in seconds.
    public var durationSeconds: Double

    public init(
        scanID: String, testID: String? = nil, buildID: String, repository: String, commit: String, branch: String? = nil,
        author: String? = nil, message: String? = nil, artifact: ArtifactReference, verdict: ScanVerdict, findings: FindingCounts,
        reasons: [String], sarifURL: String? = nil, sbomURL: String? = nil, durationSeconds: Double
    ) {
        self.scanID = scanID
        self.testID = testID
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.author = author
        self.message = message
        self.artifact = artifact
        self.verdict = verdict
        self.findings = findings
        self.reasons = reasons
        self.sarifURL = sarifURL
        self.sbomURL = sbomURL
        self.durationSeconds = durationSeconds
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case scanID = "scan_id"
        case testID = "test_id"
        case buildID = "build_id"
        case repository, commit, branch, author, message, artifact, verdict, findings, reasons
        case sarifURL = "sarif_url"
        case sbomURL = "sbom_url"
        case durationSeconds = "duration_seconds"
    }
}

/// A build's dependencies have known weaknesses.
/// Topic `security.vulnerabilities_found`.
public struct SecurityVulnerabilitiesFound: EventPayload {
    public static let type: EventType = "security.vulnerabilities_found"

    /// The scan: the run id of SecurityBot.
    public var scanID: String
    /// The build: the run id of BuildBot.
    public var buildID: String
    /// URL of the git repository.
    public var repository: String
    /// Hash of the commit, hexadecimal.
    public var commit: String
    /// Branch that the commit was pushed to.
    public var branch: String?
    /// The findings, the worst first, at most 200.
    public var vulnerabilities: [Vulnerability]

    public init(
        scanID: String, buildID: String, repository: String, commit: String, branch: String? = nil, vulnerabilities: [Vulnerability]
    ) {
        self.scanID = scanID
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.vulnerabilities = vulnerabilities
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case scanID = "scan_id"
        case buildID = "build_id"
        case repository, commit, branch, vulnerabilities
    }
}

/// A build's tree or diff holds secrets.
/// Topic `security.secrets_found`.
public struct SecuritySecretsFound: EventPayload {
    public static let type: EventType = "security.secrets_found"

    /// The scan: the run id of SecurityBot.
    public var scanID: String
    /// The build: the run id of BuildBot.
    public var buildID: String
    /// URL of the git repository.
    public var repository: String
    /// Hash of the commit, hexadecimal.
    public var commit: String
    /// Branch that the commit was pushed to.
    public var branch: String?
    /// Where they are, at most 200.
    public var secrets: [SecretFinding]

    public init(
        scanID: String, buildID: String, repository: String, commit: String, branch: String? = nil, secrets: [SecretFinding]
    ) {
        self.scanID = scanID
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.secrets = secrets
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case scanID = "scan_id"
        case buildID = "build_id"
        case repository, commit, branch, secrets
    }
}

/// A scan could not be done.
/// Topic `security.failed`.
public struct SecurityFailed: EventPayload {
    public static let type: EventType = "security.failed"

    /// The scan: the run id of SecurityBot.
    public var scanID: String
    /// The build: the run id of BuildBot.
    public var buildID: String
    /// URL of the git repository.
    public var repository: String
    /// Hash of the commit, hexadecimal.
    public var commit: String
    /// Branch that the commit was pushed to.
    public var branch: String?
    /// A short stable word for programs, e.g. `artifact-unreadable`.
    public var code: String
    /// Why, in words for people. Never a secret.
    public var reason: String

    public init(
        scanID: String, buildID: String, repository: String, commit: String, branch: String? = nil, code: String, reason: String
    ) {
        self.scanID = scanID
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.code = code
        self.reason = reason
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case scanID = "scan_id"
        case buildID = "build_id"
        case repository, commit, branch, code, reason
    }
}
