import BotKit
import Envelopes

/// `deploy.kubernetes`: brings an artifact to a cluster with `kubectl`. Applying the same again changes nothing, so a repeat is harmless.
public struct KubernetesDeployer: CallPerformer {
    private let dataDirectory: String
    private let store: any ArtifactStore
    private let kubectl: String
    private let environment: [String: String]

    /// - Parameters:
    ///   - kubectl: a path, or a name that is looked for in `PATH`.
    ///   - environment: what kubectl gets of the bot's own (`KUBECONFIG`, `HOME`, and what a cluster's log-in needs).
    public init(
        dataDirectory: String, store: any ArtifactStore, kubectl: String = "kubectl",
        environment: [String: String] = ChildCommand.plainEnvironment
    ) {
        self.dataDirectory = dataDirectory
        self.store = store
        self.kubectl = kubectl
        self.environment = environment
    }

    public func perform(_ request: DeployKubernetes, _ context: CallContext) async throws(CallFailure) -> DeployReport {
        let target = request.target
        switch request.operation {
        case .undo:
            let undo = try await run(["rollout", "undo", "deployment/\(target.deployment)"], target, context, limit: .seconds(60))
            guard undo.passed else { return undo }
            return try await waitForRollout(target, context)
        case .apply:
            if let manifests = target.manifests {
                let applied = try await apply(manifests, request, context)
                guard applied.passed else { return applied }
            }
            if let image = target.image {
                let container = target.container ?? target.deployment
                let set = try await run(
                    ["set", "image", "deployment/\(target.deployment)", "\(container)=\(image)"], target, context, limit: .seconds(60))
                guard set.passed else { return set }
            }
            return try await waitForRollout(target, context)
        }
    }

    private func apply(_ manifests: String, _ request: DeployKubernetes, _ context: CallContext) async throws(CallFailure) -> DeployReport {
        guard ReleaseDirectory.isLegal(request.deployID), !manifests.hasPrefix("/"), !manifests.split(separator: "/").contains("..") else {
            throw CallFailure(.permanent, code: "bad-path", message: "the manifests' path must lie inside the artifact")
        }
        let directory: ReleaseDirectory
        let path: String
        do {
            directory = try ReleaseDirectory(root: "\(dataDirectory)/environments/\(request.target.environment)")
            try directory.beginRelease(request.deployID)
            path = directory.partialPath(of: request.deployID)
        } catch {
            throw error.failure
        }
        let outcome: Result<DeployReport, CallFailure>
        do throws(CallFailure) {
            try await store.unpack(request.artifact, into: path)
            outcome = .success(
                try await run(["apply", "--recursive", "-f", "\(path)/\(manifests)"], request.target, context, limit: .seconds(120)))
        } catch {
            outcome = .failure(error)
        }
        do {
            try directory.removeTree(path)
        } catch {
            throw error.failure
        }
        return try outcome.get()
    }

    private func waitForRollout(_ target: KubernetesTarget, _ context: CallContext) async throws(CallFailure) -> DeployReport {
        let seconds = max(1, Int(target.rolloutTimeLimit.components.seconds))
        return try await run(
            ["rollout", "status", "deployment/\(target.deployment)", "--timeout=\(seconds)s"], target, context,
            limit: target.rolloutTimeLimit + .seconds(30))
    }

    private func run(
        _ arguments: [String], _ target: KubernetesTarget, _ context: CallContext, limit: Duration
    ) async throws(CallFailure) -> DeployReport {
        var line: [String] = []
        if let kubeconfig = target.kubeconfig { line.append("--kubeconfig=\(kubeconfig)") }
        if let name = target.context { line.append("--context=\(name)") }
        line.append("--namespace=\(target.namespace)")
        // On a rollout's status it would end the watch.
        if arguments.prefix(2) != ["rollout", "status"] { line.append("--request-timeout=30s") }
        let verb = arguments.prefix(2).joined(separator: " ")
        let result: ChildResult
        do {
            result = try await ChildProcess.run(
                ChildCommand(kubectl, line + arguments, environment: environment, limits: ChildLimits(time: limit, outputBytes: 4 << 20))
            ) { stream, text in context.log(LogLine(step: "kubectl \(verb)", stream: stream, text: text)) }
        } catch {
            throw CallFailure(
                .permanent, code: "no-kubectl",
                message: "\(error.description); install kubectl (Debian: kubernetes-client) where DeployBot runs")
        }
        if result.ending == .cancelled { throw CallFailure(.cancelled, code: "cancelled", message: "kubectl \(verb) was cancelled") }
        if result.isSuccess { return DeployReport(passed: true) }
        if result.tail.contains(where: Self.tellsOfAPassingFailure) {
            throw CallFailure(.transient, code: "cluster-unreachable", message: "kubectl \(verb): \(result.tail.last ?? result.reason)")
        }
        return DeployReport(
            passed: false, reason: "kubectl \(verb): \(result.tail.last ?? result.reason)", outputTail: Array(result.tail.suffix(50)))
    }

    /// What kubectl prints when the API server cannot be reached, or asks to come later.
    private static func tellsOfAPassingFailure(_ line: String) -> Bool {
        [
            "was refused", "i/o timeout", "TLS handshake timeout", "ServiceUnavailable", "TooManyRequests", "no route to host",
            "connection reset",
        ]
        .contains { line.contains($0) }
    }
}
