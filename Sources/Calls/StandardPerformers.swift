import BotKit
import Envelopes

extension CallPerformers {
    /// The performers of every call that a built-in or custom bot can ask for.
    /// - Parameters:
    ///   - dataDirectory: the process's data directory (`MESH_DATA_DIR`): artifacts in `artifacts`, workspaces in `workspaces/<runID>`.
    ///   - sandbox: how foreign commands are kept apart; its `capability.text` is to be said at start-up.
    ///   - configuration: of the bot that this process runs: channels of NotificationBot come from it.
    ///   - environment: of the process; where `${env.NAME}` of a channel's secret is looked for. No child process gets it.
    public static func standard(
        dataDirectory: String, sandbox: Sandbox, configuration: BotConfiguration, environment: [String: String]
    ) throws(ConfigurationError) -> CallPerformers {
        var performers = CallPerformers()
        performers.registerPipelines(dataDirectory: dataDirectory, sandbox: sandbox, configuration: configuration, environment: environment)
        // Its rules are compiled when it is made: only where they are used.
        if configuration.name == "SecurityBot" {
            performers.register(SecurityScanPerformer(dataDirectory: dataDirectory, environment: environment))
        }
        if configuration.name == "MonitorBot" { performers.registerMonitor() }
        performers.register(ExecutePerformer(dataDirectory: dataDirectory, sandbox: sandbox))
        performers.register(HTTPCallPerformer(permissions: configuration.permissions ?? []))
        if configuration.name == "NotificationBot" {
            performers.registerNotify(
                dataDirectory: dataDirectory, book: try ChannelBook(configuration: configuration, environment: environment))
        }
        performers.registerDeploy(
            DeployTools(
                dataDirectory: dataDirectory, sandbox: sandbox, keepsServices: configuration.name == "DeployBot", now: { Timestamp.now }),
            store: DirectoryArtifactStore(directory: "\(dataDirectory)/artifacts"),
            kubernetesEnvironment: kubernetesEnvironment(environment))
        return performers
    }
    /// What kubectl needs of the process's environment, and nothing else of it.
    private static func kubernetesEnvironment(_ environment: [String: String]) -> [String: String] {
        var kept = ChildCommand.plainEnvironment
        for name in ["PATH", "HOME", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"] {
            if let value = environment[name] { kept[name] = value }
        }
        return kept
    }
}
