import Envelopes

/// Check a commit out, run its pipeline in a sandbox, pack what came of it, and store that.
public struct BuildRun: CallRequest {
    public typealias Response = BuildReport
    public static let kind: CallKind = "build.run"

    public var buildID: String
    public var repository: String
    /// 7 to 64 hexadecimal digits, or the name of a branch or tag.
    public var commit: String
    public var branch: String?
    /// Beginnings of URLs that may be checked out.
    public var allowedRepositories: [String]
    public var pipeline: Pipeline
    /// For `${name}` in commands: the event's payload.
    public var values: JSONValue
    public var limits: WorkLimits
    public var timeLimit: Duration

    /// The server that the repository lies on.
    public var dependency: String { Self.dependency(at: repository) }

    public init(
        buildID: String, repository: String, commit: String, branch: String? = nil, allowedRepositories: [String], pipeline: Pipeline,
        values: JSONValue = .object([:]), limits: WorkLimits = WorkLimits(), timeLimit: Duration = .seconds(3600)
    ) {
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.allowedRepositories = allowedRepositories
        self.pipeline = pipeline
        self.values = values
        self.limits = limits
        self.timeLimit = timeLimit
    }
}

/// How a build went.
public struct BuildReport: Codable, Sendable, Equatable {
    /// The full hash of the commit.
    public var commit: String
    /// nil when the build failed.
    public var artifact: ArtifactReference?
    /// nil when it went well.
    public var failure: StepFailure?
    public var steps: [StepResult]
    public var durationSeconds: Double
    /// The `message` steps that the run came by, in order.
    public var messages: [String]

    public init(
        commit: String, artifact: ArtifactReference? = nil, failure: StepFailure? = nil, steps: [StepResult], durationSeconds: Double,
        messages: [String] = []
    ) {
        self.commit = commit
        self.artifact = artifact
        self.failure = failure
        self.steps = steps
        self.durationSeconds = durationSeconds
        self.messages = messages
    }
}

/// The step that a run failed at.
public struct StepFailure: Codable, Sendable, Equatable {
    public var step: String
    /// nil when its command never ended by itself.
    public var exitStatus: Int?
    public var reason: String
    /// The last lines of its output, oldest first.
    public var outputTail: [String]

    public init(step: String, exitStatus: Int? = nil, reason: String, outputTail: [String] = []) {
        self.step = step
        self.exitStatus = exitStatus
        self.reason = reason
        self.outputTail = outputTail
    }
}
