import BotKit
import Envelopes

/// One environment of the configuration: where releases go, and what is asked before they do.
struct DeployEnvironment: Sendable, Equatable {
    enum Target: Sendable, Equatable {
        case directory(DirectoryTarget, canary: Duration)
        /// The image has places for fields of `deploy.requested`.
        case kubernetes(KubernetesTarget, image: Template?)
    }
    let name: String
    let target: Target
    let requiresApproval: Bool
    /// The environment that a successful deploy goes on to.
    let next: String?

    var strategy: String {
        switch target {
        case .directory(_, let canary): canary > .zero ? "canary" : "blue-green"
        case .kubernetes: "rolling"
        }
    }

    var healthURLs: [String] {
        switch target {
        case .directory(let target, _): target.health.map { [$0.url] } ?? []
        case .kubernetes: []
        }
    }

    /// Staging, and from there production with a person's approval; both directories below the data directory.
    static let standard: [BotConfiguration.Action] = [
        BotConfiguration.Action(name: "staging", type: "deploy.directory", onSuccess: "production"),
        BotConfiguration.Action(name: "production", type: "deploy.directory", parameters: .object(["approval": .bool(true)])),
    ]

    init(_ action: BotConfiguration.Action, index: Int) throws(ConfigurationError) {
        guard Self.isLegalName(action.name) else {
            throw ConfigurationError(
                path: "actions[\(index)].name",
                message: "'\(action.name)' cannot name an environment, expected 1 to 60 letters, digits, '-', '_', not '-' first")
        }
        guard action.onFailure == nil else {
            throw ConfigurationError(
                path: "actions[\(index)].on_failure", message: "a failed deploy rolls back by itself; remove on_failure from an environment"
            )
        }
        name = action.name
        next = action.onSuccess
        var parameters = ActionParameters(action, index: index)
        requiresApproval = try parameters.bool("approval", default: false)
        switch action.type {
        case "deploy.directory": target = try Self.directory(&parameters, name: action.name)
        case "deploy.kubernetes": target = try Self.kubernetes(&parameters, name: action.name)
        default:
            throw ConfigurationError(
                path: "actions[\(index)].type",
                message: "'\(action.type)' is no kind of environment, expected deploy.directory or deploy.kubernetes")
        }
        try parameters.finish()
    }

    private static func directory(_ parameters: inout ActionParameters, name: String) throws(ConfigurationError) -> Target {
        let path = try parameters.string("path")
        if let path, !path.hasPrefix("/") { throw parameters.error("path", "expected an absolute path") }
        let command = try parameters.command("start_command")
        let port = try parameters.integer("port", in: 1...65535)
        let variables = try parameters.texts("environment")
        let stopTimeLimit = try parameters.seconds("stop_timeout", in: 0.1...300) ?? .seconds(10)
        let service = command.map {
            ServiceSettings(command: $0, port: port, environment: variables, stopTimeLimit: stopTimeLimit)
        }
        if service == nil && !variables.isEmpty { throw parameters.error("environment", "is for the service; give start_command too") }
        let healthURL = try parameters.string("health_url")
        let startTimeLimit = try parameters.seconds("health_timeout", in: 0.1...3600) ?? .seconds(30)
        let health = healthURL.map { HealthSettings(url: $0, startTimeLimit: startTimeLimit) }
        if let health, !health.url.hasPrefix("http://"), !health.url.hasPrefix("https://") {
            throw parameters.error("health_url", "expected an http or https URL")
        }
        let canary = try parameters.seconds("canary_seconds", in: 0...86400) ?? .zero
        if canary > .zero {
            guard let service, let port = service.port, health?.moved(from: port, to: 1) != nil else {
                throw parameters.error("canary_seconds", "a canary needs start_command, port, and a health_url on that port")
            }
        }
        return .directory(
            DirectoryTarget(
                environment: name, path: path, service: service, health: health, smokeCommand: try parameters.command("smoke_command"),
                smokeTimeLimit: try parameters.seconds("smoke_timeout", in: 1...3600) ?? .seconds(60),
                keptReleases: try parameters.integer("keep_releases", in: 2...100) ?? 5), canary: canary)
    }

    private static func kubernetes(_ parameters: inout ActionParameters, name: String) throws(ConfigurationError) -> Target {
        let image = try parameters.string("image")
        let container = try parameters.string("container")
        let manifests = try parameters.string("manifests")
        guard image != nil || manifests != nil else { throw parameters.error("image", "give image, manifests, or both") }
        if let manifests, manifests.hasPrefix("/") || manifests.split(separator: "/").contains("..") {
            throw parameters.error("manifests", "expected a path inside the artifact")
        }
        var template: Template?
        if let image {
            do {
                template = try Template(parsing: image, syntax: .both)
            } catch {
                throw parameters.error("image", "\(error)")
            }
            let strangers = template?.names.filter { !imageNames.contains($0) } ?? []
            guard strangers.isEmpty else {
                throw parameters.error("image", "'\(strangers[0])' is unknown here, known are \(imageNames.joined(separator: ", "))")
            }
        }
        let deployment = try parameters.requiredString("deployment")
        return .kubernetes(
            KubernetesTarget(
                environment: name, kubeconfig: try parameters.string("kubeconfig"), context: try parameters.string("context"),
                namespace: try parameters.string("namespace") ?? "default", deployment: deployment, container: container ?? deployment,
                manifests: manifests, rolloutTimeLimit: try parameters.seconds("rollout_timeout", in: 1...7200) ?? .seconds(300)),
            image: template)
    }

    private static let imageNames = [
        "commit", "branch", "repository", "repository_name", "environment", "build_id", "deploy_id", "artifact.sha256",
    ]

    private static func isLegalName(_ name: String) -> Bool {
        (1...60).contains(name.utf8.count) && !name.hasPrefix("-")
            && name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F || byte == 0x2D
            }
    }
}
