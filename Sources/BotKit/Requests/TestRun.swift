import Envelopes

/// Fetch an artifact, verify it, and run its suites in a sandbox.
public struct TestRun: CallRequest {
    public typealias Response = TestReport
    public static let kind: CallKind = "test.run"

    public var testID: String
    public var buildID: String
    public var repository: String
    public var commit: String
    public var artifact: ArtifactReference
    public var pipeline: Pipeline
    /// For `${name}` in commands: the event's payload.
    public var values: JSONValue
    public var limits: WorkLimits
    public var timeLimit: Duration

    public init(
        testID: String, buildID: String, repository: String, commit: String, artifact: ArtifactReference, pipeline: Pipeline,
        values: JSONValue = .object([:]), limits: WorkLimits = WorkLimits(), timeLimit: Duration = .seconds(3600)
    ) {
        self.testID = testID
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.artifact = artifact
        self.pipeline = pipeline
        self.values = values
        self.limits = limits
        self.timeLimit = timeLimit
    }
}

/// One suite: a command, and where its reports lie afterwards.
public struct TestSuite: Codable, Sendable, Equatable {
    public enum Kind: String, Codable, Sendable, CaseIterable { case unit, integration, e2e }

    public var kind: Kind
    public var command: StepCommand
    /// A JUnit XML file, relative to the workspace. nil: the suite counts as one test, by its exit status.
    public var junit: String?
    /// An lcov tracefile, Cobertura XML, or `llvm-cov export` JSON, relative to the workspace.
    public var coverage: String?
    /// In percent of lines; below it the suite failed.
    public var coverageThreshold: Double?
    /// Whether failed tests run once more, to tell flaky from broken.
    public var rerunsFailed: Bool
    /// For `sh -c`; the names of the failed tests are its arguments, `"$@"`. nil: the suite's command again.
    public var rerunCommand: String?

    public init(
        kind: Kind = .unit, command: StepCommand, junit: String? = nil, coverage: String? = nil, coverageThreshold: Double? = nil,
        rerunsFailed: Bool = true, rerunCommand: String? = nil
    ) {
        self.kind = kind
        self.command = command
        self.junit = junit
        self.coverage = coverage
        self.coverageThreshold = coverageThreshold
        self.rerunsFailed = rerunsFailed
        self.rerunCommand = rerunCommand
    }
}

/// What the tests came to.
public struct TestReport: Codable, Sendable, Equatable {
    public var suites: [SuiteResult]
    /// The first 100.
    public var failures: [CaseFailure]
    /// `suite/test` that failed first and passed when it ran again; the first 100.
    public var flaky: [String]
    public var coveragePercent: Double?
    /// Why the run failed; nil when it passed.
    public var reason: String?
    /// The last lines of output of the suite that failed.
    public var outputTail: [String]
    public var durationSeconds: Double
    public var reportURL: String?
    /// The `message` steps that the run came by, in order.
    public var messages: [String]

    public init(
        suites: [SuiteResult], failures: [CaseFailure] = [], flaky: [String] = [], coveragePercent: Double? = nil, reason: String? = nil,
        outputTail: [String] = [], durationSeconds: Double, reportURL: String? = nil, messages: [String] = []
    ) {
        self.suites = suites
        self.failures = failures
        self.flaky = flaky
        self.coveragePercent = coveragePercent
        self.reason = reason
        self.outputTail = outputTail
        self.durationSeconds = durationSeconds
        self.reportURL = reportURL
        self.messages = messages
    }
}
