import BotKit

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
        if configuration.name == "NotificationBot" {
            performers.registerNotify(
                dataDirectory: dataDirectory, book: try ChannelBook(configuration: configuration, environment: environment))
        }
        return performers
    }
}
