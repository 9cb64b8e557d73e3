import Envelopes

/// Make a prepared release the live one, in one step, and restart the service with it.
public struct DeploySwitch: CallRequest {
    public struct Response: Codable, Sendable, Equatable {
        /// The release that was live before; nil for the first.
        public var previousRelease: String?

        public init(previousRelease: String?) { self.previousRelease = previousRelease }
    }
    public static let kind: CallKind = "deploy.switch"

    public var deployID: String
    public var target: DirectoryTarget
    public var repository: String
    public var commit: String
    /// Why approval was overridden; it lands in the history.
    public var emergencyReason: String?

    public init(deployID: String, target: DirectoryTarget, repository: String, commit: String, emergencyReason: String? = nil) {
        self.deployID = deployID
        self.target = target
        self.repository = repository
        self.commit = commit
        self.emergencyReason = emergencyReason
    }

    public var timeLimit: Duration { .seconds(60) + (target.service?.stopTimeLimit ?? .zero) }
}

/// Check the live release: its health, then the smoke command.
public struct DeployVerify: CallRequest {
    public typealias Response = DeployReport
    public static let kind: CallKind = "deploy.verify"

    public var deployID: String
    public var target: DirectoryTarget

    public init(deployID: String, target: DirectoryTarget) {
        self.deployID = deployID
        self.target = target
    }

    public var timeLimit: Duration { target.smokeTimeLimit + (target.health?.startTimeLimit ?? .zero) + .seconds(30) }
}

/// Make an earlier release the live one again; with none, take the environment down.
public struct DeployRevert: CallRequest {
    /// Whether the release that is live now is healthy.
    public typealias Response = DeployReport
    public static let kind: CallKind = "deploy.revert"

    /// The deploy that is taken back.
    public var deployID: String
    public var target: DirectoryTarget
    /// Name of the release to go back to.
    public var release: String?
    public var reason: String

    public init(deployID: String, target: DirectoryTarget, release: String?, reason: String) {
        self.deployID = deployID
        self.target = target
        self.release = release
        self.reason = reason
    }

    public var timeLimit: Duration {
        .seconds(60) + (target.service?.stopTimeLimit ?? .zero) + (target.health?.startTimeLimit ?? .zero)
    }
}
