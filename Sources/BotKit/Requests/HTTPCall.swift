/// Send one HTTP request of a custom bot. Every status is an answer.
public struct HTTPCall: CallRequest {
    public struct Response: Codable, Sendable, Equatable {
        public var status: Int
        /// The body as text, cut at `HTTPCall.maximumText` bytes.
        public var body: String
        public var durationSeconds: Double

        public init(status: Int, body: String, durationSeconds: Double) {
            self.status = status
            self.body = body
            self.durationSeconds = durationSeconds
        }
    }
    public static let kind: CallKind = "http"
    /// A body may hold a token.
    public static let isResultRecorded = false
    public static let maximumText = 65_536

    public var method: String
    public var url: String
    public var headers: [String: String]
    public var body: String
    public var timeLimit: Duration

    public init(method: String, url: String, headers: [String: String] = [:], body: String = "", timeLimit: Duration) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeLimit = timeLimit
    }

    /// One a server, e.g. `http:docs.example.org` or `http:10.0.0.7:8080`: that one is down says nothing of the others.
    public var dependency: String {
        guard let host = Self.host(of: url) else { return Self.kind.name }
        return "\(Self.kind.name):\(host)"
    }

    /// Host and port of a URL, in lower case and without what stands before an `@`; nil when there is none.
    static func host(of url: String) -> String? {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        let authority = url[scheme.upperBound...].prefix { !"/?#\\".contains($0) }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? authority
        return host.isEmpty || host.utf8.count > 255 ? nil : host.lowercased()
    }
}
