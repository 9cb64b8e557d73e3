/// An address of `bootstrap.servers`.
struct BrokerAddress: Hashable, CustomStringConvertible {
    let host: String
    let port: UInt16

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The addresses of a list with commas, at most 16. What is none is left out: librdkafka has refused it already, or will.
    static func list(_ text: String) -> [BrokerAddress] { text.split(separator: ",").prefix(16).compactMap { BrokerAddress($0) } }

    /// `host`, `host:port`, `[v6]:port`, each also behind `PROTOCOL://`; the port is 9092 where none is said. nil for other text.
    init?(_ text: Substring) {
        var rest = text.drop { $0 == " " }
        while rest.last == " " { rest.removeLast() }
        if let mark = rest.firstRange(of: "://") { rest = rest[mark.upperBound...] }
        let host: Substring
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            host = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
        } else {
            host = rest.prefix { $0 != ":" }
            rest = rest.dropFirst(host.count)
        }
        guard !host.isEmpty else { return nil }
        self.host = String(host)
        if rest.isEmpty {
            port = 9092
        } else {
            guard rest.first == ":", let number = UInt16(rest.dropFirst()), number > 0 else { return nil }
            port = number
        }
    }
}

/// What became of an attempt to connect.
enum Reach: Equatable {
    case connects
    case refused
    case unresolved(String)
    case timedOut(Duration)
    case failed(String)
}

extension NoBroker {
    /// Says of each address why it is not reached, and what to try.
    init(_ findings: [(address: BrokerAddress, reach: Reach)], protocolName: String?) {
        let lines = findings.map { "  \($0.address): \($0.reach.reason(port: $0.address.port, protocolName: protocolName))" }
        let advice =
            findings.contains { $0.reach == .connects }
            ? "Try: kcat -L with the same address and settings, and the broker's own log."
            : "Try: another address with --brokers HOST:PORT or KAFKA_BOOTSTRAP_SERVERS; a mesh of your own: mesh up"
        self.init(description: (["no broker reached:"] + lines + [advice]).joined(separator: "\n"))
    }
}

extension Reach {
    fileprivate func reason(port: UInt16, protocolName: String?) -> String {
        switch self {
        case .refused: "the connection is refused: nothing listens on port \(port) there"
        case .unresolved(let why): "the name does not resolve (\(why)): a typing error, or no DNS"
        case .timedOut(let limit): "no answer within \(limit.components.seconds) s: the host is off, or a firewall drops the packets"
        case .failed(let why): why
        case .connects:
            "it takes the connection, but does not answer as Kafka with security.protocol=\(protocolName ?? "plaintext"): "
                + "another service's port, or it asks for a login or TLS (KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_…, KAFKA_SSL_…)"
        }
    }
}
