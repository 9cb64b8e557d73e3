import Envelopes

/// Bring an artifact to a Kubernetes cluster with `kubectl`, or take the last rollout back.
public struct DeployKubernetes: CallRequest {
    public enum Operation: String, Codable, Sendable {
        /// Apply the artifact's manifests, set the image, wait for the rollout.
        case apply
        /// `kubectl rollout undo`, and wait for it.
        case undo
    }
    public typealias Response = DeployReport
    public static let kind: CallKind = "deploy.kubernetes"

    public var deployID: String
    public var operation: Operation
    public var target: KubernetesTarget
    public var commit: String
    public var artifact: ArtifactReference

    public init(deployID: String, operation: Operation, target: KubernetesTarget, commit: String, artifact: ArtifactReference) {
        self.deployID = deployID
        self.operation = operation
        self.target = target
        self.commit = commit
        self.artifact = artifact
    }

    public var timeLimit: Duration { target.rolloutTimeLimit + .seconds(600) }
}
