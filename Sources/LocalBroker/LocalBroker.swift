import Kafka

/// A broker that this machine runs by itself, for development, demonstrations and tests. Another one is another file.
public protocol LocalBroker: AnyObject, Sendable {
    /// E.g. `noida-db`.
    var name: String { get }
    /// `127.0.0.1:port`; known before the start.
    var bootstrapServers: String { get }
    /// Whether members of a group should be static here, because the broker forgets a killed one late or never.
    var wantsStaticMembers: Bool { get }
    /// How clients reach the broker, with what they must do otherwise than elsewhere.
    var settings: ClientSettings { get }
    /// Starts the broker and waits until it answers, for up to `timeout`. Blocks; call it on a thread of its own.
    func start(timeout: Duration) throws(LocalBrokerError)
    /// Stops the broker so that it keeps its data, and kills it when that takes longer than `timeout`. Blocks. Does nothing when it is not running.
    func stop(timeout: Duration)
}

extension LocalBroker {
    public var settings: ClientSettings { ClientSettings(bootstrapServers: bootstrapServers) }
    public func start() throws(LocalBrokerError) { try start(timeout: .seconds(20)) }
    public func stop() { stop(timeout: .seconds(10)) }
}

/// Why there is no local broker.
public enum LocalBrokerError: Error, Sendable, Equatable, CustomStringConvertible {
    case notInstalled(searched: [String])
    case cannotStart(String)
    /// The broker ended before it answered.
    case ended(String)
    case silent(String)

    public var description: String {
        switch self {
        case .notInstalled(let searched):
            "no local broker is installed (looked for \(searched.joined(separator: ", "))). "
                + "Run deploy/bootstrap.sh, or set KAFKA_BOOTSTRAP_SERVERS to a broker of your own."
        case .cannotStart(let reason): "the local broker cannot be started: \(reason)"
        case .ended(let reason): "the local broker ended while it started: \(reason)"
        case .silent(let reason): "the local broker does not answer: \(reason)"
        }
    }
}
