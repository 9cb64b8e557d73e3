/// Where clients reach this broker.
public struct BrokerEndpoint: Sendable, Equatable {
    public var host: String
    public var port: Int32

    public init(host: String, port: Int32) {
        self.host = host
        self.port = port
    }

    /// From `host:port`, also `PLAINTEXT://host:port`, also `[::1]:9092`; nil when it is none.
    init?(_ text: String) {
        var rest = text[...]
        for prefix in ["PLAINTEXT://", "SASL_PLAINTEXT://"] where rest.hasPrefix(prefix) { rest = rest.dropFirst(prefix.count) }
        guard let colon = rest.lastIndex(of: ":"), let port = Int32(rest[rest.index(after: colon)...]), (1...65_535).contains(port) else {
            return nil
        }
        var host = rest[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" || $0 == "," }) else { return nil }
        self.init(host: String(host), port: port)
    }

    /// The number of the one broker that there is.
    public static let nodeID: Int32 = 1
}
