import BotKit

extension CallPerformers {
    /// Registers all that a deploy needs.
    public mutating func registerDeploy(_ tools: DeployTools, store: any ArtifactStore, kubernetesEnvironment: [String: String]) {
        register(PrepareRelease(tools, store: store))
        register(TryRelease(tools))
        register(SwitchRelease(tools))
        register(VerifyRelease(tools))
        register(RevertRelease(tools))
        register(KubernetesDeployer(dataDirectory: tools.dataDirectory, store: store, environment: kubernetesEnvironment))
    }
}
