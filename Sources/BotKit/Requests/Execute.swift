/// Run one command of a custom bot, in a sandbox and an empty workspace of its own.
public struct Execute: CallRequest {
    public struct Response: Codable, Sendable, Equatable {
        /// As a shell counts it: 128 + the signal for a command that a signal ended.
        public var exitStatus: Int
        /// Whether it ended by itself with status 0.
        public var isSuccess: Bool
        /// For people, e.g. `exit status 2`.
        public var reason: String
        /// The last lines of standard output, of standard error, and of both as they came; each at most `Execute.maximumText` bytes.
        public var stdout: String
        public var stderr: String
        public var output: String
        public var durationSeconds: Double

        public init(
            exitStatus: Int, isSuccess: Bool, reason: String, stdout: String, stderr: String, output: String, durationSeconds: Double
        ) {
            self.exitStatus = exitStatus
            self.isSuccess = isSuccess
            self.reason = reason
            self.stdout = stdout
            self.stderr = stderr
            self.output = output
            self.durationSeconds = durationSeconds
        }
    }
    public static let kind: CallKind = "execute"
    /// What a command prints may hold a token, and every bot reads the audit.
    public static let isResultRecorded = false
    /// How much of each stream is kept, in bytes.
    public static let maximumText = 16_384

    /// The action's name, for log lines.
    public var step: String
    /// The program and its arguments; no shell reads them.
    public var arguments: [String]
    /// Added to a small clean environment.
    public var environment: [String: String]
    public var hasNetwork: Bool
    /// Of all its processes together, in bytes; nil: the sandbox's own limit.
    public var memoryBytes: Int?
    /// How long the command may run.
    public var commandTimeLimit: Duration

    public init(
        step: String, arguments: [String], environment: [String: String] = [:], hasNetwork: Bool = false, memoryBytes: Int? = nil,
        commandTimeLimit: Duration
    ) {
        self.step = step
        self.arguments = arguments
        self.environment = environment
        self.hasNetwork = hasNetwork
        self.memoryBytes = memoryBytes
        self.commandTimeLimit = commandTimeLimit
    }

    public var timeLimit: Duration { commandTimeLimit + .seconds(10) }
}
