import BotKit

extension CallPerformers {
    /// Registers all that a deploy needs.
    public mutating func registerDeploy(_ tools: DeployTools, unpacker: any ReleaseUnpacking, kubernetesEnvironment: [String: String]) {
        register(PrepareRelease(tools, unpacker: unpacker))
        register(TryRelease(tools))
        register(SwitchRelease(tools))
        register(VerifyRelease(tools))
        register(RevertRelease(tools))
        register(KubernetesDeployer(dataDirectory: tools.dataDirectory, unpacker: unpacker, environment: kubernetesEnvironment))
    }
}
