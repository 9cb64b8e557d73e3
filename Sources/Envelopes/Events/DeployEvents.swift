/// An artifact shall go to an environment.
/// Topic `deploy.requested`.
public struct DeployRequested: EventPayload {
    public static let type: EventType = "deploy.requested"

    /// Name of the environment, e.g. `staging`.
    public var environment: String
    /// URL of the git repository.
    public var repository: String
    /// Hash of the commit, hexadecimal.
    public var commit: String
    /// Branch that the commit was pushed to.
    public var branch: String?
    /// What was built, and where it lies.
    public var artifact: ArtifactReference
    /// Who asked: a bot, or a person.
    public var requestedBy: String
    /// Why, in words for people. Never a secret.
    public var reason: String?
    /// Why approval is overridden; present only in an emergency.
    public var emergencyReason: String?
    /// The build: the run id of BuildBot.
    public var buildID: String?
    /// Who wrote the commit, as git names them.
    public var author: String?
    /// The commit's message.
    public var message: String?

    public init(
        environment: String, repository: String, commit: String, branch: String? = nil, artifact: ArtifactReference, requestedBy: String,
        reason: String? = nil, emergencyReason: String? = nil, buildID: String? = nil, author: String? = nil, message: String? = nil
    ) {
        self.environment = environment
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.artifact = artifact
        self.requestedBy = requestedBy
        self.reason = reason
        self.emergencyReason = emergencyReason
        self.buildID = buildID
        self.author = author
        self.message = message
    }

    public var key: String? { environment }

    enum CodingKeys: String, CodingKey {
        case environment, repository, commit, branch, artifact
        case requestedBy = "requested_by"
        case reason
        case emergencyReason = "emergency_reason"
        case buildID = "build_id"
        case author, message
    }
}

/// A person let a waiting deploy go on.
/// Topic `deploy.approved`.
public struct DeployApproved: EventPayload {
    public static let type: EventType = "deploy.approved"

    /// The deploy: the run id of DeployBot for its `deploy.requested`.
    public var deployID: String
    /// Name of the environment, e.g. `staging`.
    public var environment: String
    /// Who approved.
    public var approvedBy: String
    /// Why, in words for people. Never a secret.
    public var reason: String?

    public init(
        deployID: String, environment: String, approvedBy: String, reason: String? = nil
    ) {
        self.deployID = deployID
        self.environment = environment
        self.approvedBy = approvedBy
        self.reason = reason
    }

    public var key: String? { environment }

    enum CodingKeys: String, CodingKey {
        case deployID = "deploy_id"
        case environment
        case approvedBy = "approved_by"
        case reason
    }
}

/// A person refused a waiting deploy.
/// Topic `deploy.rejected`.
public struct DeployRejected: EventPayload {
    public static let type: EventType = "deploy.rejected"

    /// The deploy: the run id of DeployBot for its `deploy.requested`.
    public var deployID: String
    /// Name of the environment, e.g. `staging`.
    public var environment: String
    /// Who refused.
    public var rejectedBy: String
    /// Why, in words for people. Never a secret.
    public var reason: String

    public init(
        deployID: String, environment: String, rejectedBy: String, reason: String
    ) {
        self.deployID = deployID
        self.environment = environment
        self.rejectedBy = rejectedBy
        self.reason = reason
    }

    public var key: String? { environment }

    enum CodingKeys: String, CodingKey {
        case deployID = "deploy_id"
        case environment
        case rejectedBy = "rejected_by"
        case reason
    }
}

/// A deploy began.
/// Topic `deploy.started`.
public struct DeployStarted: EventPayload {
    public static let type: EventType = "deploy.started"

    /// The deploy: the run id of DeployBot for its `deploy.requested`.
    public var deployID: String
    /// Name of the environment, e.g. `staging`.
    public var environment: String
    /// URL of the git repository.
    public var repository: String
    /// Hash of the commit, hexadecimal.
    public var commit: String
    /// Branch that the commit was pushed to.
    public var branch: String?
    /// How it is done, e.g. `blue-green`, `canary`.
    public var strategy: String

    public init(
        deployID: String, environment: String, repository: String, commit: String, branch: String? = nil, strategy: String
    ) {
        self.deployID = deployID
        self.environment = environment
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.strategy = strategy
    }

    public var key: String? { environment }

    enum CodingKeys: String, CodingKey {
        case deployID = "deploy_id"
        case environment, repository, commit, branch, strategy
    }
}

/// A release is live and its checks passed.
/// Topic `deploy.completed`.
public struct DeployCompleted: EventPayload {
    public static let type: EventType = "deploy.completed"

    /// The deploy: the run id of DeployBot for its `deploy.requested`.
    public var deployID: String
    /// Name of the environment, e.g. `staging`.
    public var environment: String
    /// URL of the git repository.
    public var repository: String
    /// Hash of the commit, hexadecimal.
    public var commit: String
    /// Branch that the commit was pushed to.
    public var branch: String?
    /// How it was done, e.g. `blue-green`, `canary`.
    public var strategy: String
    /// What was built, and where it lies.
    public var artifact: ArtifactReference
    /// Name of the release in the environment.
    public var release: String
    /// Addresses that tell whether it is healthy.
    public var healthURLs: [String]
    /// How long it took, in seconds.
    public var durationSeconds: Double

    public init(
        deployID: String, environment: String, repository: String, commit: String, branch: String? = nil, strategy: String,
        artifact: ArtifactReference, release: String, healthURLs: [String], durationSeconds: Double
    ) {
        self.deployID = deployID
        self.environment = environment
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.strategy = strategy
        self.artifact = artifact
        self.release = release
        self.healthURLs = healthURLs
        self.durationSeconds = durationSeconds
    }

    public var key: String? { environment }

    enum CodingKeys: String, CodingKey {
        case deployID = "deploy_id"
        case environment, repository, commit, branch, strategy, artifact, release
        case healthURLs = "health_urls"
        case durationSeconds = "duration_seconds"
    }
}

/// A deploy did not succeed.
/// Topic `deploy.failed`.
public struct DeployFailed: EventPayload {
    public static let type: EventType = "deploy.failed"

    /// The deploy: the run id of DeployBot for its `deploy.requested`.
    public var deployID: String
    /// Name of the environment, e.g. `staging`.
    public var environment: String
    /// URL of the git repository.
    public var repository: String
    /// Hash of the commit, hexadecimal.
    public var commit: String
    /// Branch that the commit was pushed to.
    public var branch: String?
    /// How far it came, e.g. `prepare`, `switch`, `verify`.
    public var stage: String
    /// Why, in words for people. Never a secret.
    public var reason: String
    /// Whether the release before it is live again.
    public var rolledBack: Bool
    /// The last lines of output, oldest first.
    public var outputTail: [String]?

    public init(
        deployID: String, environment: String, repository: String, commit: String, branch: String? = nil, stage: String, reason: String,
        rolledBack: Bool, outputTail: [String]? = nil
    ) {
        self.deployID = deployID
        self.environment = environment
        self.repository = repository
        self.commit = commit
        self.branch = branch
        self.stage = stage
        self.reason = reason
        self.rolledBack = rolledBack
        self.outputTail = outputTail
    }

    public var key: String? { environment }

    enum CodingKeys: String, CodingKey {
        case deployID = "deploy_id"
        case environment, repository, commit, branch, stage, reason
        case rolledBack = "rolled_back"
        case outputTail = "output_tail"
    }
}

/// An environment went back to the release before.
/// Topic `deploy.rolled_back`.
public struct DeployRolledBack: EventPayload {
    public static let type: EventType = "deploy.rolled_back"

    /// The deploy: the run id of DeployBot for its `deploy.requested`.
    public var deployID: String
    /// Name of the environment, e.g. `staging`.
    public var environment: String
    /// URL of the git repository.
    public var repository: String
    /// The commit that was taken away, hexadecimal.
    public var fromCommit: String
    /// The commit that is live again, hexadecimal.
    public var toCommit: String
    /// Why, in words for people. Never a secret.
    public var reason: String
    /// Who asked: a bot, or a person.
    public var requestedBy: String?

    public init(
        deployID: String, environment: String, repository: String, fromCommit: String, toCommit: String, reason: String,
        requestedBy: String? = nil
    ) {
        self.deployID = deployID
        self.environment = environment
        self.repository = repository
        self.fromCommit = fromCommit
        self.toCommit = toCommit
        self.reason = reason
        self.requestedBy = requestedBy
    }

    public var key: String? { environment }

    enum CodingKeys: String, CodingKey {
        case deployID = "deploy_id"
        case environment, repository
        case fromCommit = "from_commit"
        case toCommit = "to_commit"
        case reason
        case requestedBy = "requested_by"
    }
}

/// A person wants an environment back at its release before.
/// Topic `deploy.rollback_requested`.
public struct DeployRollbackRequested: EventPayload {
    public static let type: EventType = "deploy.rollback_requested"

    /// Name of the environment, e.g. `staging`.
    public var environment: String
    /// Who asked: a bot, or a person.
    public var requestedBy: String
    /// Why, in words for people. Never a secret.
    public var reason: String

    public init(
        environment: String, requestedBy: String, reason: String
    ) {
        self.environment = environment
        self.requestedBy = requestedBy
        self.reason = reason
    }

    public var key: String? { environment }

    enum CodingKeys: String, CodingKey {
        case environment
        case requestedBy = "requested_by"
        case reason
    }
}
