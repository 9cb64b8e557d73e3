/// A build began.
/// Topic `build.started`.
public struct BuildStarted: EventPayload {
    public static let type: EventType = "build.started"

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

    public init(
        buildID: String, repository: String, commit: String, branch: String? = nil, author: String? = nil, message: String? = nil
    ) {
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.author = author
        self.message = message
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case buildID = "build_id"
        case repository, commit, branch, author, message
    }
}

/// A build ended well, and its artifact is stored.
/// Topic `build.completed`.
public struct BuildCompleted: EventPayload {
    public static let type: EventType = "build.completed"

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
    /// The steps that ran, in order.
    public var steps: [StepResult]
    /// How long it took, in seconds.
    public var durationSeconds: Double
    /// Always `success`; for filters.
    public var status: String

    public init(
        buildID: String, repository: String, commit: String, branch: String? = nil, author: String? = nil, message: String? = nil,
        artifact: ArtifactReference, steps: [StepResult], durationSeconds: Double, status: String = "success"
    ) {
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.author = author
        self.message = message
        self.artifact = artifact
        self.steps = steps
        self.durationSeconds = durationSeconds
        self.status = status
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case buildID = "build_id"
        case repository, commit, branch, author, message, artifact, steps
        case durationSeconds = "duration_seconds"
        case status
    }
}

/// A build ended badly.
/// Topic `build.failed`.
public struct BuildFailed: EventPayload {
    public static let type: EventType = "build.failed"

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
    /// The step that failed.
    public var failedStep: String
    /// Exit status of that step; absent when its command never ended by itself.
    public var exitStatus: Int?
    /// Why, in words for people. Never a secret.
    public var reason: String
    /// The last lines of output, oldest first.
    public var outputTail: [String]
    /// How long it took, in seconds.
    public var durationSeconds: Double

    public init(
        buildID: String, repository: String, commit: String, branch: String? = nil, author: String? = nil, message: String? = nil,
        failedStep: String, exitStatus: Int? = nil, reason: String, outputTail: [String], durationSeconds: Double
    ) {
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.author = author
        self.message = message
        self.failedStep = failedStep
        self.exitStatus = exitStatus
        self.reason = reason
        self.outputTail = outputTail
        self.durationSeconds = durationSeconds
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case buildID = "build_id"
        case repository, commit, branch, author, message
        case failedStep = "failed_step"
        case exitStatus = "exit_status"
        case reason
        case outputTail = "output_tail"
        case durationSeconds = "duration_seconds"
    }
}

/// A build was stopped because somebody asked for it.
/// Topic `build.cancelled`.
public struct BuildCancelled: EventPayload {
    public static let type: EventType = "build.cancelled"

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
    /// Why, in words for people. Never a secret.
    public var reason: String?
    /// Who asked: a bot, or a person.
    public var requestedBy: String?
    /// How long it took, in seconds.
    public var durationSeconds: Double

    public init(
        buildID: String, repository: String, commit: String, branch: String? = nil, author: String? = nil, message: String? = nil,
        reason: String? = nil, requestedBy: String? = nil, durationSeconds: Double
    ) {
        self.buildID = buildID
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.author = author
        self.message = message
        self.reason = reason
        self.requestedBy = requestedBy
        self.durationSeconds = durationSeconds
    }

    public var key: String? { repository }

    enum CodingKeys: String, CodingKey {
        case buildID = "build_id"
        case repository, commit, branch, author, message, reason
        case requestedBy = "requested_by"
        case durationSeconds = "duration_seconds"
    }
}

/// Somebody wants a build stopped.
/// Topic `build.cancel_requested`.
public struct BuildCancelRequested: EventPayload {
    public static let type: EventType = "build.cancel_requested"

    /// The build: the run id of BuildBot.
    public var buildID: String
    /// Why, in words for people. Never a secret.
    public var reason: String?
    /// Who asked: a bot, or a person.
    public var requestedBy: String?

    public init(
        buildID: String, reason: String? = nil, requestedBy: String? = nil
    ) {
        self.buildID = buildID
        self.reason = reason
        self.requestedBy = requestedBy
    }

    public var key: String? { buildID }

    enum CodingKeys: String, CodingKey {
        case buildID = "build_id"
        case reason
        case requestedBy = "requested_by"
    }
}

/// One step of a pipeline that ran to its end.
public struct StepResult: Codable, Sendable, Equatable {
    /// The step's name.
    public var name: String
    /// Exit status of its command; 128 + n when signal n ended it.
    public var exitStatus: Int
    /// How long it took, in seconds.
    public var durationSeconds: Double

    public init(
        name: String, exitStatus: Int, durationSeconds: Double
    ) {
        self.name = name
        self.exitStatus = exitStatus
        self.durationSeconds = durationSeconds
    }

    enum CodingKeys: String, CodingKey {
        case name
        case exitStatus = "exit_status"
        case durationSeconds = "duration_seconds"
    }
}
