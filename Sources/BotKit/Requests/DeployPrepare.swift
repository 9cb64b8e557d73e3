import Envelopes

/// Fetch and verify an artifact, and unpack it as a release beside the live one; then the smoke command, when no service is needed for it.
public struct DeployPrepare: CallRequest {
    public typealias Response = DeployReport
    public static let kind: CallKind = "deploy.prepare"

    public var deployID: String
    public var target: DirectoryTarget
    public var repository: String
    public var commit: String
    public var artifact: ArtifactReference

    public init(deployID: String, target: DirectoryTarget, repository: String, commit: String, artifact: ArtifactReference) {
        self.deployID = deployID
        self.target = target
        self.repository = repository
        self.commit = commit
        self.artifact = artifact
    }

    public var timeLimit: Duration { .seconds(600) + target.smokeTimeLimit }
}
