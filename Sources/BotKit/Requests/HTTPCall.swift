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

    public var dependency: String { Self.dependency(at: url) }
}
