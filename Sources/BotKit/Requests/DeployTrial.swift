import Envelopes

/// Start a release beside the live one on a spare port, ask its health, run the smoke command, and watch it for a while.
public struct DeployTrial: CallRequest {
    public typealias Response = DeployReport
    public static let kind: CallKind = "deploy.trial"

    public var deployID: String
    public var target: DirectoryTarget
    /// How long the instance must stay healthy; zero: one healthy answer is enough.
    public var watch: Duration

    public init(deployID: String, target: DirectoryTarget, watch: Duration = .zero) {
        self.deployID = deployID
        self.target = target
        self.watch = watch
    }

    public var timeLimit: Duration {
        watch + target.smokeTimeLimit + (target.health?.startTimeLimit ?? .zero) + (target.service?.stopTimeLimit ?? .zero) + .seconds(30)
    }
}
