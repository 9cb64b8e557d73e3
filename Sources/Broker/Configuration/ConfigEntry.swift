/// Where a configuration value comes from, with the numbers of DescribeConfigs.
enum ConfigSource: Int8, Sendable {
    case topic = 1
    case brokerFile = 4
    case defaultValue = 5
}

/// A configuration value as DescribeConfigs and CreateTopics tell it.
struct ConfigEntry: Sendable, Equatable {
    struct Synonym: Sendable, Equatable {
        var name: String
        var value: String
        var source: ConfigSource
    }

    var name: String
    var type: SettingType
    var documentation: String
    var isReadOnly: Bool
    /// All the values that are set for it, the one that holds first.
    var synonyms: [Synonym]

    var value: String { synonyms[0].value }
    var source: ConfigSource { synonyms[0].source }
}

extension ConfigEntry {
    /// All settings of a topic, with what the broker's file says for topics that do not.
    /// - Parameter settings: those that hold.
    static func topic(_ settings: TopicSettings, overrides: [String: String], broker: BrokerConfiguration) -> [ConfigEntry] {
        return TopicSettings.all.map { setting in
            var synonyms: [Synonym] = []
            if overrides[setting.name] != nil {
                synonyms.append(Synonym(name: setting.name, value: setting.read(settings), source: .topic))
            }
            let keys = TopicSettings.brokerKeys[setting.name] ?? []
            for key in keys {
                if let value = broker.assigned[key] { synonyms.append(Synonym(name: key, value: value, source: .brokerFile)) }
            }
            let base = keys.last.flatMap(BrokerConfiguration.setting)
            let value = base?.read(BrokerConfiguration()) ?? setting.read(TopicSettings())
            synonyms.append(Synonym(name: base?.name ?? setting.name, value: value, source: .defaultValue))
            // A broker's key may have another unit: hours of log.retention.hours are milliseconds of retention.ms.
            synonyms[0].value = setting.read(settings)
            return ConfigEntry(
                name: setting.name, type: setting.type, documentation: setting.documentation, isReadOnly: false, synonyms: synonyms)
        }
    }

    /// All settings of the broker. They hold from its start.
    static func broker(_ configuration: BrokerConfiguration) -> [ConfigEntry] {
        let defaults = BrokerConfiguration()
        return BrokerConfiguration.all.map { setting in
            var synonyms = [Synonym(name: setting.name, value: setting.read(defaults), source: .defaultValue)]
            if configuration.assigned[setting.name] != nil {
                synonyms.insert(Synonym(name: setting.name, value: setting.read(configuration), source: .brokerFile), at: 0)
            }
            return ConfigEntry(
                name: setting.name, type: setting.type, documentation: setting.documentation, isReadOnly: true, synonyms: synonyms)
        }
    }
}
