import BotKit
import Glibc

extension CallPerformers {
    /// Registers `build.run` and `test.run`. The artifact store is `MESH_ARTIFACT_STORE` (a `file:` URL), else `artifacts` in the data directory.
    mutating func registerPipelines(
        dataDirectory: String, sandbox: Sandbox, configuration: BotConfiguration, environment: [String: String]
    ) {
        let directory = dataDirectory.hasPrefix("/") ? dataDirectory : currentDirectory() + "/" + dataDirectory
        let store =
            environment["MESH_ARTIFACT_STORE"].flatMap { DirectoryArtifactStore(url: $0) }
            ?? DirectoryArtifactStore(directory: directory + "/artifacts")
        let workspaces = Workspaces(root: directory + "/workspaces")
        let ssh = environment.filter { ["HOME", "SSH_AUTH_SOCK"].contains($0.key) }
        register(
            BuildPerformer(
                sandbox: sandbox, workspaces: workspaces, store: store, logDirectory: directory + "/logs/runs",
                variables: configuration.environment, sshEnvironment: ssh))
        register(
            TestPerformer(
                sandbox: sandbox, workspaces: workspaces, store: store, logDirectory: directory + "/logs/runs",
                reportDirectory: directory + "/reports", variables: configuration.environment))
    }
}

/// The process's working directory; `/` when it cannot be told.
func currentDirectory() -> String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
}
