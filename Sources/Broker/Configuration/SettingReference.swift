/// The tables of settings as text, for help and documentation.
public enum SettingReference {
    /// All keys of the broker's configuration file, as a table in Markdown.
    public static var broker: String { markdown(BrokerConfiguration.all, defaults: BrokerConfiguration()) }
    /// All keys of a topic's configuration.
    public static var topic: String { markdown(TopicSettings.all, defaults: TopicSettings()) }

    private static func markdown<Root>(_ settings: [Setting<Root>], defaults: Root) -> String {
        let rows = settings.map { setting in
            let value = setting.read(defaults)
            let cells = [
                "`\(setting.name)`", setting.type.name.lowercased(), value.isEmpty ? "" : "`\(value)`", setting.valid,
                setting.documentation,
            ]
            return "| " + cells.joined(separator: " | ") + " |"
        }
        return (["| key | type | default | values | meaning |", "|---|---|---|---|---|"] + rows).joined(separator: "\n") + "\n"
    }
}
