/// One HTTP request. `http` and `https` only.
public struct HTTPRequest: Sendable, Equatable {
    public var url: String
    public var method: String
    public var headers: [HTTPHeader]
    public var body: [UInt8]
    /// For name resolution, connection and TLS handshake together.
    public var connectTimeLimit: Duration
    /// For all of it, redirects included.
    public var timeLimit: Duration
    /// A longer body ends the transfer with `TransferError.Kind.tooLarge`.
    public var maximumResponseBytes: Int
    /// How many redirects are followed; 0: a 3xx is given back as it is. Each new host is checked like the first.
    public var maximumRedirects: Int
    /// False: always a connection of its own, e.g. for a health check.
    public var reusesConnection: Bool

    public init(
        _ url: String, method: String = "GET", headers: [HTTPHeader] = [], body: [UInt8] = [], connectTimeLimit: Duration = .seconds(10),
        timeLimit: Duration = .seconds(30), maximumResponseBytes: Int = 4 << 20, maximumRedirects: Int = 0, reusesConnection: Bool = true
    ) {
        self.url = url
        self.method = method
        self.headers = headers
        self.body = body
        self.connectTimeLimit = connectTimeLimit
        self.timeLimit = timeLimit
        self.maximumResponseBytes = maximumResponseBytes
        self.maximumRedirects = maximumRedirects
        self.reusesConnection = reusesConnection
    }
}

public struct HTTPHeader: Sendable, Equatable {
    public let name: String
    public let value: String
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What a server answered, whatever the status.
public struct HTTPResponse: Sendable, Equatable {
    public let status: Int
    public let headers: [HTTPHeader]
    public let body: [UInt8]
    /// From the start of the request to the last byte of the answer.
    public let duration: Duration

    public init(status: Int, headers: [HTTPHeader] = [], body: [UInt8] = [], duration: Duration = .zero) {
        self.status = status
        self.headers = headers
        self.body = body
        self.duration = duration
    }

    public var isSuccess: Bool { (200...299).contains(status) }

    /// The first header of that name, in any case.
    public func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name.lowercased() == name }?.value
    }

    /// `retry-after` in seconds; nil when it is missing or a date. Never more than an hour.
    public var retryAfter: Duration? {
        guard let text = header("retry-after"), let seconds = Int(text), seconds >= 0 else { return nil }
        return .seconds(min(seconds, 3600))
    }

    /// The body as text, bytes that are not UTF-8 replaced.
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// One e-mail, handed to a server by SMTP.
public struct SMTPMessage: Sendable, Equatable {
    public enum Security: String, Sendable, CaseIterable {
        /// Plain text: for a relay on the same machine.
        case none
        /// STARTTLS, and failure where the server has none.
        case startTLS = "starttls"
        /// TLS from the first byte (`smtps`).
        case tls
    }
    public var host: String
    public var port: Int
    public var security: Security
    /// Nil: no log-in.
    public var user: String?
    public var password: String?
    public var sender: String
    public var recipients: [String]
    /// The whole message, headers included, lines ended by CR LF.
    public var data: [UInt8]
    public var timeLimit: Duration

    public init(
        host: String, port: Int, security: Security, user: String? = nil, password: String? = nil, sender: String, recipients: [String],
        data: [UInt8], timeLimit: Duration = .seconds(30)
    ) {
        self.host = host
        self.port = port
        self.security = security
        self.user = user
        self.password = password
        self.sender = sender
        self.recipients = recipients
        self.data = data
        self.timeLimit = timeLimit
    }
}
