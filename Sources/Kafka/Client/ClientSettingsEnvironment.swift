import FoundationEssentials

extension ClientSettings {
    /// Reads, each overriding the one before: the librdkafka properties file that `KAFKA_PROPERTIES_FILE` names; `KAFKA_BOOTSTRAP_SERVERS`,
    /// `KAFKA_CLIENT_ID`, `KAFKA_SECURITY_PROTOCOL`, `KAFKA_PARTITION_ASSIGNMENT_STRATEGY`; and each `KAFKA_SASL_…` and `KAFKA_SSL_…` variable, whose name becomes a property
    /// (`KAFKA_SSL_CA_LOCATION` is `ssl.ca.location`). An empty variable counts as not set.
    public static func fromEnvironment(_ environment: [String: String]) throws(SettingsError) -> ClientSettings {
        var settings = ClientSettings(properties: [:])
        if let path = environment["KAFKA_PROPERTIES_FILE"], !path.isEmpty { settings = try fromPropertiesFile(path) }
        for (variable, value) in environment.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
            if let property = property(ofVariable: variable) { settings[property] = value }
        }
        guard !settings.bootstrapServers.isEmpty else { throw .noBootstrapServers }
        try settings.validate()
        return settings
    }

    /// The variables that a child process needs to get these settings from `fromEnvironment`: all `KAFKA_…` ones of `environment`.
    public static func environmentForChild(of environment: [String: String]) -> [String: String] {
        environment.filter { $0.key == "KAFKA_PROPERTIES_FILE" || property(ofVariable: $0.key) != nil }
    }

    private static func property(ofVariable variable: String) -> String? {
        switch variable {
        case "KAFKA_BOOTSTRAP_SERVERS": "bootstrap.servers"
        case "KAFKA_CLIENT_ID": "client.id"
        case "KAFKA_SECURITY_PROTOCOL": "security.protocol"
        case "KAFKA_SASL_MECHANISM": "sasl.mechanisms"
        case "KAFKA_PARTITION_ASSIGNMENT_STRATEGY": "partition.assignment.strategy"
        case _ where variable.hasPrefix("KAFKA_SASL_") || variable.hasPrefix("KAFKA_SSL_"):
            variable.dropFirst("KAFKA_".count).lowercased().replacing("_", with: ".")
        default: nil
        }
    }

    /// Reads `name=value` lines; `#` and `!` begin a comment line. At most 1 MiB.
    static func fromPropertiesFile(_ path: String) throws(SettingsError) -> ClientSettings {
        let text: String
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            guard data.count <= 1 << 20 else { throw SettingsError.unreadableFile(path: path, reason: "it is larger than 1 MiB") }
            guard let decoded = String(validating: data, as: UTF8.self) else {
                throw SettingsError.unreadableFile(path: path, reason: "it is not UTF-8 text")
            }
            text = decoded
        } catch let error as SettingsError {
            throw error
        } catch {
            throw .unreadableFile(path: path, reason: "it does not exist, or may not be read")
        }
        return try parse(properties: text, path: path)
    }

    static func parse(properties text: String, path: String) throws(SettingsError) -> ClientSettings {
        var settings = ClientSettings(properties: [:])
        for (index, rawLine) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = rawLine.trimming(while: \.isWhitespace)
            guard let first = line.first, first != "#", first != "!" else { continue }
            guard let equals = line.firstIndex(of: "="), equals != line.startIndex else {
                throw .malformedLine(path: path, line: index + 1, reason: "expected name=value")
            }
            let name = String(line[..<equals].trimming(while: \.isWhitespace))
            guard name != "sasl.jaas.config" else {
                throw .malformedLine(
                    path: path, line: index + 1, reason: "sasl.jaas.config is for Java clients; use sasl.username and sasl.password")
            }
            settings[name] = String(line[line.index(after: equals)...].trimming(while: \.isWhitespace))
        }
        return settings
    }
}

extension Substring {
    fileprivate func trimming(while predicate: (Character) -> Bool) -> Substring {
        var rest = drop(while: predicate)
        while let last = rest.last, predicate(last) { rest.removeLast() }
        return rest
    }
}
