import Envelopes

/// Takes secrets out of what is logged: given values wherever they stand, and every field whose name says that it is a secret.
public struct Redactor: Sendable {
    /// What stands in the place of a secret.
    public static let mark = "***"
    /// Shorter values are not looked for: they would hide ordinary words.
    public static let shortestSecret = 6

    private static let suspectNames = [
        "password", "passwd", "secret", "token", "api_key", "apikey", "authorization", "credential", "private_key", "routing_key",
    ]

    private let secrets: [String]

    /// - Parameter secrets: the values of passwords, tokens and keys that this process was given.
    public init(secrets: some Sequence<String> = []) {
        // Longer ones first: one may be a part of another.
        self.secrets = Set(secrets).filter { $0.utf8.count >= Self.shortestSecret }.sorted { ($1.utf8.count, $0) < ($0.utf8.count, $1) }
    }

    /// Takes out the values of the environment variables whose names say that they are secrets, e.g. `KAFKA_SASL_PASSWORD`.
    public init(environment: [String: String]) {
        self.init(secrets: environment.filter { Self.isSuspect($0.key) }.values)
    }

    private static func isSuspect(_ name: String) -> Bool {
        let lower = name.lowercased()
        return suspectNames.contains { lower.contains($0) }
    }

    public func redact(_ text: String) -> String {
        var text = text
        for secret in secrets where text.contains(secret) { text = text.replacing(secret, with: Self.mark) }
        return text
    }

    func redact(_ value: JSONValue, named name: String) -> JSONValue {
        if Self.isSuspect(name) { return .string(Self.mark) }
        switch value {
        case .string(let text): return .string(redact(text))
        case .array(let elements): return .array(elements.map { redact($0, named: "") })
        case .object(let members): return .object(Dictionary(uniqueKeysWithValues: members.map { ($0, redact($1, named: $0)) }))
        default: return value
        }
    }
}
