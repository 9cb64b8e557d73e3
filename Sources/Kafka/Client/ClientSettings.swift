import CRdKafka

/// How to reach a cluster: librdkafka properties, whatever their source. Printing it never shows a secret.
public struct ClientSettings: Sendable, Equatable, CustomStringConvertible {
    private var properties: [String: String]

    /// `bootstrapServers`: `host:port`, several separated by commas.
    public init(bootstrapServers: String) { properties = ["bootstrap.servers": bootstrapServers] }

    /// Takes librdkafka properties; `bootstrap.servers` must be among them before a client is made.
    public init(properties: [String: String]) {
        self.properties = properties.filter { Self.aliases[$0.key] == nil }
        for (name, value) in properties where self[name] == nil { self[name] = value }
    }

    /// A librdkafka property, e.g. `"security.protocol"`. Checked when a client is made; `validate()` checks at once.
    public subscript(_ property: String) -> String? {
        get { properties[Self.aliases[property] ?? property] }
        set { properties[Self.aliases[property] ?? property] = newValue }
    }

    /// Second names that librdkafka has for one property. Of two names the one that is set later would hold, whatever their sources.
    private static let aliases = ["metadata.broker.list": "bootstrap.servers", "sasl.mechanism": "sasl.mechanisms"]

    public var bootstrapServers: String { self["bootstrap.servers"] ?? "" }

    /// The settings without what only consumers understand: librdkafka warns of it in every other client.
    var withoutConsumerProperties: ClientSettings {
        var settings = self
        for property in ["partition.assignment.strategy", "isolation.level", "fetch.wait.max.ms", "fetch.min.bytes", "session.timeout.ms"] {
            settings[property] = nil
        }
        return settings
    }

    /// The least urgent messages of librdkafka's that they ask for: 7 are those for debugging, of which there are none without `debug`.
    var logLevel: Int32 { asksForDebug ? 7 : min(6, self["log_level"].flatMap { Int32($0) } ?? 6) }
    var asksForDebug: Bool { !(self["debug"] ?? "").isEmpty }

    var sorted: [(name: String, value: String)] { properties.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }

    /// Throws the first property that librdkafka does not know, or whose value it refuses.
    public func validate() throws(SettingsError) { _ = try Configuration(self, defaults: [:], overrides: [:]) }

    /// Names and values, sorted; secrets as `[hidden]`.
    public var description: String {
        sorted.map { "\($0.name)=\(Self.isSecret($0.name) ? "[hidden]" : $0.value)" }.joined(separator: " ")
    }

    /// Whether a property's value is never shown: passwords, keys, tokens.
    static func isSecret(_ property: String) -> Bool {
        ["password", "secret", "token", "key.pem", "pem", "oauthbearer.config", "jaas", "username"].contains { property.contains($0) }
    }
}

extension ClientSettings: CustomReflectable {
    /// Keeps secrets out of `dump` and of test failures too.
    public var customMirror: Mirror { Mirror(self, children: ["properties": description]) }
}

/// Settings that cannot be used. Names the property and its source, never its value.
public enum SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Neither the environment nor a properties file names a broker.
    case noBootstrapServers
    case unreadableFile(path: String, reason: String)
    case malformedLine(path: String, line: Int, reason: String)
    case unknownProperty(String)
    case badValue(property: String, reason: String)
    case unusable(reason: String)

    public var description: String {
        switch self {
        case .noBootstrapServers: "no Kafka brokers are named: set KAFKA_BOOTSTRAP_SERVERS=host:port, or pass --brokers"
        case .unreadableFile(let path, let reason): "cannot read the Kafka properties file \(path): \(reason)"
        case .malformedLine(let path, let line, let reason): "\(path):\(line): \(reason)"
        case .unknownProperty(let name): "\(name) is not a property of librdkafka; see its CONFIGURATION.md for the names"
        case .badValue(let property, let reason): "the value of \(property) cannot be used: \(reason)"
        case .unusable(let reason): "the Kafka settings cannot be used: \(reason)"
        }
    }
}
