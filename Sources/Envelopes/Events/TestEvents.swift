/// The tests of a build began.
/// Topic `test.started`.
public struct TestStarted: EventPayload {
    public static let type: EventType = "test.started"

    /// The test run: the run id of TestBot.
    public var testID: String
    /// The build: the run id of BuildBot.
    public var buildID: String
    /// URL of the git repository.
    public var repository: String
    /// Hash of the commit, hexadecimal.
    public var commit: String
    /// Branch that the commit was pushed to.
    public var branch: String?
    /// Names of the suites that will run.
    public var suites: [String]

    public init(
        testID: String, buildID: String, repository: String, commit: String, branch: String? = nil, suites: [String]
    ) {
        self.testID = testID
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.suites = suites
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case testID = "test_id"
        case buildID = "build_id"
        case repository, commit, branch, suites
    }
}

/// All tests of a build passed.
/// Topic `test.completed`.
public struct TestCompleted: EventPayload {
    public static let type: EventType = "test.completed"

    /// The test run: the run id of TestBot.
    public var testID: String
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
    /// Tests in all.
    public var total: Int
    /// Tests that passed, flaky ones included.
    public var passed: Int
    /// Tests that failed.
    public var failed: Int
    /// Tests that were skipped.
    public var skipped: Int
    /// Tests that failed first and passed when they were run again.
    public var flaky: [String]
    /// Lines covered, in percent.
    public var coveragePercent: Double?
    /// How long it took, in seconds.
    public var durationSeconds: Double
    /// What each suite came to.
    public var suites: [SuiteResult]
    /// Where the report lies.
    public var reportURL: String?

    public init(
        testID: String, buildID: String, repository: String, commit: String, branch: String? = nil, author: String? = nil,
        message: String? = nil, artifact: ArtifactReference, total: Int, passed: Int, failed: Int, skipped: Int, flaky: [String],
        coveragePercent: Double? = nil, durationSeconds: Double, suites: [SuiteResult], reportURL: String? = nil
    ) {
        self.testID = testID
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.author = author
        self.message = message
        self.artifact = artifact
        self.total = total
        self.passed = passed
        self.failed = failed
        self.skipped = skipped
        self.flaky = flaky
        self.coveragePercent = coveragePercent
        self.durationSeconds = durationSeconds
        self.suites = suites
        self.reportURL = reportURL
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case testID = "test_id"
        case buildID = "build_id"
        case repository, commit, branch, author, message, artifact, total, passed, failed, skipped, flaky
        case coveragePercent = "coverage_percent"
        case durationSeconds = "duration_seconds"
        case suites
        case reportURL = "report_url"
    }
}

/// The tests of a build failed, or could not run.
/// Topic `test.failed`.
public struct TestFailed: EventPayload {
    public static let type: EventType = "test.failed"

    /// The test run: the run id of TestBot.
    public var testID: String
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
    /// Tests in all.
    public var total: Int
    /// Tests that passed, flaky ones included.
    public var passed: Int
    /// Tests that failed.
    public var failed: Int
    /// Tests that were skipped.
    public var skipped: Int
    /// Tests that failed first and passed when they were run again.
    public var flaky: [String]
    /// Lines covered, in percent.
    public var coveragePercent: Double?
    /// How long it took, in seconds.
    public var durationSeconds: Double
    /// What each suite came to.
    public var suites: [SuiteResult]
    /// Where the report lies.
    public var reportURL: String?
    /// Why, in words for people. Never a secret.
    public var reason: String
    /// The tests that failed, the first 100.
    public var failures: [CaseFailure]
    /// The last lines of output, oldest first.
    public var outputTail: [String]

    public init(
        testID: String, buildID: String, repository: String, commit: String, branch: String? = nil, author: String? = nil,
        message: String? = nil, artifact: ArtifactReference, total: Int, passed: Int, failed: Int, skipped: Int, flaky: [String],
        coveragePercent: Double? = nil, durationSeconds: Double, suites: [SuiteResult], reportURL: String? = nil, reason: String,
        failures: [CaseFailure], outputTail: [String]
    ) {
        self.testID = testID
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.author = author
        self.message = message
        self.artifact = artifact
        self.total = total
        self.passed = passed
        self.failed = failed
        self.skipped = skipped
        self.flaky = flaky
        self.coveragePercent = coveragePercent
        self.durationSeconds = durationSeconds
        self.suites = suites
        self.reportURL = reportURL
        self.reason = reason
        self.failures = failures
        self.outputTail = outputTail
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case testID = "test_id"
        case buildID = "build_id"
        case repository, commit, branch, author, message, artifact, total, passed, failed, skipped, flaky
        case coveragePercent = "coverage_percent"
        case durationSeconds = "duration_seconds"
        case suites
        case reportURL = "report_url"
        case reason, failures
        case outputTail = "output_tail"
    }
}

/// A build has no tests to run.
/// Topic `test.skipped`.
public struct TestSkipped: EventPayload {
    public static let type: EventType = "test.skipped"

    /// The test run: the run id of TestBot.
    public var testID: String
    /// The build: the run id of BuildBot.
    public var buildID: String
    /// URL of the git repository.
    public var repository: String
    /// Hash of the commit, hexadecimal.
    public var commit: String
    /// Branch that the commit was pushed to.
    public var branch: String?
    /// Why, in words for people. Never a secret.
    public var reason: String
    /// What was built, and where it lies.
    public var artifact: ArtifactReference

    public init(
        testID: String, buildID: String, repository: String, commit: String, branch: String? = nil, reason: String,
        artifact: ArtifactReference
    ) {
        self.testID = testID
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.reason = reason
        self.artifact = artifact
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case testID = "test_id"
        case buildID = "build_id"
        case repository, commit, branch, reason, artifact
    }
}
