import Envelopes

/// A directory that holds releases, with a symlink `current` to the live one.
public struct DirectoryTarget: Codable, Sendable, Equatable {
    public var environment: String
    /// An absolute path; nil: a directory of the environment's name below the process's data directory.
    public var path: String?
    public var service: ServiceSettings?
    public var health: HealthSettings?
    /// Run against a release before the switch and after it; it has `RELEASE` and, where there is a service, `URL` and `PORT` in its environment.
    public var smokeCommand: [String]?
    public var smokeTimeLimit: Duration
    /// How many releases stay on disk, the live one included. 2...100.
    public var keptReleases: Int

    public init(
        environment: String, path: String? = nil, service: ServiceSettings? = nil, health: HealthSettings? = nil,
        smokeCommand: [String]? = nil, smokeTimeLimit: Duration = .seconds(60), keptReleases: Int = 5
    ) {
        self.environment = environment
        self.path = path
        self.service = service
        self.health = health
        self.smokeCommand = smokeCommand
        self.smokeTimeLimit = smokeTimeLimit
        self.keptReleases = keptReleases
    }
}

/// A process that serves a release. It has `PORT`, `RELEASE` and `ENVIRONMENT` in a clean environment, and the release as its working directory.
public struct ServiceSettings: Codable, Sendable, Equatable {
    public var command: [String]
    /// 1...65535; nil: the service needs none.
    public var port: Int?
    /// Further environment variables.
    public var environment: [String: String]
    /// How long it may take to end after SIGTERM, before SIGKILL.
    public var stopTimeLimit: Duration

    public init(command: [String], port: Int? = nil, environment: [String: String] = [:], stopTimeLimit: Duration = .seconds(10)) {
        self.command = command
        self.port = port
        self.environment = environment
        self.stopTimeLimit = stopTimeLimit
    }
}

/// How a release's health is asked: 2xx is healthy.
public struct HealthSettings: Codable, Sendable, Equatable {
    public var url: String
    /// How long a release may take to become healthy.
    public var startTimeLimit: Duration
    public var interval: Duration

    public init(url: String, startTimeLimit: Duration = .seconds(30), interval: Duration = .milliseconds(250)) {
        self.url = url
        self.startTimeLimit = startTimeLimit
        self.interval = interval
    }

    /// The same on another port, when the URL names `port`; nil when it does not.
    public func moved(from port: Int, to other: Int) -> HealthSettings? {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        let rest = url[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard authority.hasSuffix(":\(port)") else { return nil }
        var moved = self
        moved.url = "\(url[..<scheme.upperBound])\(authority.dropLast(String(port).count))\(other)\(rest[authority.endIndex...])"
        return moved
    }
}

/// A deployment of a Kubernetes cluster, reached with `kubectl`.
public struct KubernetesTarget: Codable, Sendable, Equatable {
    public var environment: String
    /// A path; nil: what kubectl finds by itself.
    public var kubeconfig: String?
    public var context: String?
    public var namespace: String
    /// Name of the Deployment whose rollout is waited for.
    public var deployment: String
    /// The container whose image is set; nil with `image` nil.
    public var container: String?
    /// The image to set, places filled in; nil: only manifests are applied.
    public var image: String?
    /// A directory or file of the artifact with manifests to apply; nil: none.
    public var manifests: String?
    public var rolloutTimeLimit: Duration

    public init(
        environment: String, kubeconfig: String? = nil, context: String? = nil, namespace: String = "default", deployment: String,
        container: String? = nil, image: String? = nil, manifests: String? = nil, rolloutTimeLimit: Duration = .seconds(300)
    ) {
        self.environment = environment
        self.kubeconfig = kubeconfig
        self.context = context
        self.namespace = namespace
        self.deployment = deployment
        self.container = container
        self.image = image
        self.manifests = manifests
        self.rolloutTimeLimit = rolloutTimeLimit
    }
}

/// What a step of a deploy found.
public struct DeployReport: Codable, Sendable, Equatable {
    public var passed: Bool
    /// Why it did not pass.
    public var reason: String?
    /// The last lines of output, oldest first; 50 at most.
    public var outputTail: [String]

    public init(passed: Bool, reason: String? = nil, outputTail: [String] = []) {
        self.passed = passed
        self.reason = reason
        self.outputTail = outputTail
    }
}
