import BotKit

/// One program to run: nothing of the bot's own environment, files or signal masks reaches it unless it is named here.
public struct ChildCommand: Sendable, Equatable {
    /// An absolute path, or a name that is looked for in the `PATH` of `environment`.
    public var program: String
    public var arguments: [String]
    /// All that the child sees; nothing is inherited.
    public var environment: [String: String]
    /// nil: the bot's own working directory.
    public var directory: String?
    /// Written to the child's standard input, which is then closed. Empty: `/dev/null`.
    public var input: [UInt8]
    public var limits: ChildLimits

    public init(
        _ program: String, _ arguments: [String] = [], environment: [String: String] = ChildCommand.plainEnvironment,
        directory: String? = nil, input: [UInt8] = [], limits: ChildLimits = ChildLimits()
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.input = input
        self.limits = limits
    }

    /// `PATH` of the system, a UTF-8 locale, and nothing else.
    public static let plainEnvironment = [
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
    ]
}

/// What one child, with all that it starts, may use.
public struct ChildLimits: Sendable, Equatable {
    public var time: Duration
    /// Between SIGTERM and SIGKILL, when it is stopped. At most 1.5 s, so that a cancelled call ends within 2 s.
    public var grace: Duration
    /// Of standard output and standard error together; a child that prints more is stopped.
    public var outputBytes: Int
    /// Lines kept for `ChildResult.tail`.
    public var tailLines: Int
    /// Memory of the child and all its descendants together, in bytes; nil: no limit. Looked at four times a second.
    public var memoryBytes: Int?

    public init(
        time: Duration = .seconds(600), grace: Duration = .milliseconds(500), outputBytes: Int = 16 << 20, tailLines: Int = 40,
        memoryBytes: Int? = nil
    ) {
        self.time = time
        self.grace = min(grace, .milliseconds(1500))
        self.outputBytes = outputBytes
        self.tailLines = tailLines
        self.memoryBytes = memoryBytes
    }
}

/// How a child ended.
public struct ChildResult: Sendable, Equatable {
    public enum Status: Sendable, Equatable {
        case exited(Int32)
        case signalled(Int32)
    }
    /// Why it was stopped; `finished` when it ended by itself.
    public enum Ending: String, Sendable {
        case finished
        case timedOut = "timed-out"
        case cancelled
        case outputLimit = "output-limit"
        case memoryLimit = "memory-limit"
    }

    public let status: Status
    public let ending: Ending
    public let duration: Duration
    /// The last lines of both streams, in the order in which they were read.
    public let tail: [String]

    public init(status: Status, ending: Ending, duration: Duration, tail: [String]) {
        self.status = status
        self.ending = ending
        self.duration = duration
        self.tail = tail
    }

    /// It ended by itself, with exit status 0.
    public var isSuccess: Bool { ending == .finished && status == .exited(0) }

    /// As a shell counts it: the exit status, or 128 + the signal.
    public var exitCode: Int {
        switch status {
        case .exited(let code): Int(code)
        case .signalled(let signal): 128 + Int(signal)
        }
    }

    /// For people, e.g. `exit status 2`.
    public var reason: String {
        switch (ending, status) {
        case (.timedOut, _): "stopped: its time limit ran out"
        case (.cancelled, _): "stopped: the run was cancelled"
        case (.outputLimit, _): "stopped: it printed more than its limit"
        case (.memoryLimit, _): "stopped: it used more memory than its limit"
        case (.finished, .exited(let code)): "exit status \(code)"
        case (.finished, .signalled(let signal)): "ended by signal \(signal)"
        }
    }
}

/// A child that could not be started.
public struct ChildError: Error, Sendable, Equatable, CustomStringConvertible {
    /// `errno` of the failed step.
    public let number: Int32
    public let description: String

    init(_ action: String, number: Int32) {
        self.number = number
        description = "\(action): \(errorText(number))"
    }

    /// The same as the failure of a call.
    public var failure: CallFailure { CallFailure(.transient, code: "cannot-start", message: description) }
}
