import BotKit

extension CallPerformers {
    /// The performers of every call that a built-in or custom bot can ask for.
    /// - Parameters:
    ///   - dataDirectory: the process's data directory (`MESH_DATA_DIR`): artifacts in `artifacts`, workspaces in `workspaces/<runID>`.
    ///   - sandbox: how foreign commands are kept apart; its `capability.text` is to be said at start-up.
    public static func standard(dataDirectory: String, sandbox: Sandbox) -> CallPerformers {
        let performers = CallPerformers()
        return performers
    }
}
