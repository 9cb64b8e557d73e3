import KafkaProtocol

/// Who asks, and how. On the broker's thread.
public struct RequestContext {
    public var version: Int16
    public var clientID: String
    public var session: Session

    public init(version: Int16, clientID: String = "", session: Session = Session()) {
        self.version = version
        self.clientID = clientID
        self.session = session
    }

    public var principal: String { session.principal }
    public var host: String { session.host }
}

/// What is known of a connection as long as it lasts. On the broker's thread.
public final class Session {
    /// One of this process's connections.
    public let connection: Int
    /// The address of the other side, without the port, as group descriptions name it: `/127.0.0.1`.
    public let host: String
    /// The same as ACLs name it: `127.0.0.1`.
    let address: String
    /// `User:alice`; `User:ANONYMOUS` as long as nobody has said who they are.
    public var principal = Session.anonymous
    /// `principal` has shown a password.
    public var isAuthenticated = false
    public var saslStage = SASLStage.none
    /// The connection ends when the answer that is being made has been sent.
    public var mustClose = false
    public var clientID = ""
    /// What is to be done when the other side ends the connection, or it is closed, while a request waits for its answer; gone with the answer. One is enough: the
    /// next request is read only then.
    var whenEnded: (() -> Void)?
    /// The other side sends no more, or the connection is closed.
    private(set) var hasEnded = false

    /// The connection has ended: whoever waits by it is told.
    func end() {
        hasEnded = true
        let action = whenEnded
        whenEnded = nil
        action?()
    }

    public init(connection: Int = 0, host: String = "/127.0.0.1") {
        self.connection = connection
        self.host = host
        address = HostName.canonical(host.hasPrefix("/") ? String(host.dropFirst()) : host)
    }

    public static let anonymous = "User:ANONYMOUS"
}
