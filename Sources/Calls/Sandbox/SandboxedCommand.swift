/// A command that somebody else wrote: a step of a repository's pipeline, a suite, a smoke test. It sees its workspace, and nothing of the bot.
public struct SandboxedCommand: Sendable, Equatable {
    /// The program and its arguments. No shell reads them.
    public var arguments: [String]
    /// The host's directory that is its workspace: writable, and seen as `/workspace` under bubblewrap.
    public var workspace: String
    /// The host's directory that is its `HOME`: writable, and seen as `/home/build` under bubblewrap.
    public var home: String
    /// Where it starts, relative to the workspace.
    public var directory: String
    /// Added to the small clean environment.
    public var environment: [String: String]
    /// Whether it may use the network.
    public var hasNetwork: Bool
    /// Files and directories of the host that it may read beside the system's own, at the same path.
    public var readable: [String]
    public var limits: SandboxLimits

    public init(
        _ arguments: [String], workspace: String, home: String, directory: String = "", environment: [String: String] = [:],
        hasNetwork: Bool = false, readable: [String] = [], limits: SandboxLimits = SandboxLimits()
    ) {
        self.arguments = arguments
        self.workspace = workspace
        self.home = home
        self.directory = directory
        self.environment = environment
        self.hasNetwork = hasNetwork
        self.readable = readable
        self.limits = limits
    }

    /// A command line for `sh -c`, with `values` as its positional parameters, so that no value is ever read as shell code.
    public static func shell(_ line: String, _ values: [String] = []) -> [String] { ["/bin/sh", "-c", line, "sh"] + values }
}

/// What one sandboxed command, with all that it starts, may use.
public struct SandboxLimits: Sendable, Equatable {
    public var time: Duration
    public var processes: Int
    /// Of all its processes together, in bytes.
    public var memoryBytes: Int
    /// Of one file, in bytes.
    public var fileBytes: Int
    /// Of standard output and standard error together.
    public var outputBytes: Int
    /// Lines kept for the report.
    public var tailLines: Int

    /// 10 minutes, 512 processes, 4 GiB of memory, 4 GiB a file, 16 MiB of output, 40 lines.
    public init(
        time: Duration = .seconds(600), processes: Int = 512, memoryBytes: Int = 4 << 30, fileBytes: Int = 4 << 30,
        outputBytes: Int = 16 << 20, tailLines: Int = 40
    ) {
        self.time = time
        self.processes = processes
        self.memoryBytes = memoryBytes
        self.fileBytes = fileBytes
        self.outputBytes = outputBytes
        self.tailLines = tailLines
    }
}
