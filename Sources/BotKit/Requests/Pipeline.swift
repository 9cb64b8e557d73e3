import Envelopes

/// A graph of steps: the first is the entry, and each names the step that follows its success or its failure.
public struct Pipeline: Codable, Sendable, Equatable {
    public var steps: [PipelineStep]

    public init(steps: [PipelineStep]) { self.steps = steps }

    /// The most steps that one run goes through: a way round and round ends there.
    public static let maximumTurns = 100

    public subscript(_ name: String) -> PipelineStep? { steps.first { $0.name == name } }
}

/// One step of a pipeline.
public struct PipelineStep: Codable, Sendable, Equatable {
    public var name: String
    public var work: PipelineWork
    /// nil: the pipeline ends here, well.
    public var onSuccess: String?
    /// nil: the pipeline ends here, badly.
    public var onFailure: String?

    public init(name: String, work: PipelineWork, onSuccess: String? = nil, onFailure: String? = nil) {
        self.name = name
        self.work = work
        self.onSuccess = onSuccess
        self.onFailure = onFailure
    }
}

/// What a step does.
public enum PipelineWork: Codable, Sendable, Equatable {
    /// Puts the commit into the workspace. Always done first; a step of a pipeline only carries its settings.
    case checkout
    /// Fetches and unpacks the artifact. Always done first; likewise.
    case fetch
    /// The repository's own steps: its `.botmesh.yaml`, else what its files suggest.
    case repository
    case run(StepCommand)
    case suite(TestSuite)
    /// The suites of that kind that the repository's own `.botmesh.yaml` has.
    case repositorySuites(TestSuite.Kind)
    case pack(PackSettings)
    /// Only noted; the bot says it when the run has ended.
    case message
}

/// A command that a sandbox runs.
public struct StepCommand: Codable, Sendable, Equatable {
    public enum Line: Codable, Sendable, Equatable {
        /// Words with `${name}` to fill; no shell.
        case template(String)
        /// For `sh -c`.
        case shell(String)
    }
    public var line: Line
    /// Where it starts, relative to the workspace.
    public var directory: String
    public var environment: [String: String]
    public var timeLimit: Duration
    /// It asks for the network; it gets it where the bot's permissions have it.
    public var needsNetwork: Bool

    public init(
        _ line: Line, directory: String = "", environment: [String: String] = [:], timeLimit: Duration = .seconds(600),
        needsNetwork: Bool = false
    ) {
        self.line = line
        self.directory = directory
        self.environment = environment
        self.timeLimit = timeLimit
        self.needsNetwork = needsNetwork
    }
}

/// What an artifact holds.
public struct PackSettings: Codable, Sendable, Equatable {
    /// Relative to the workspace; none: all of it. `.git` never, `.botmesh.yaml` always.
    public var paths: [String]
    /// Patterns relative to the workspace, e.g. `build/*.o`.
    public var excluding: [String]
    /// `tar.zst` or `tar.gz`; nil: what the machine can.
    public var format: String?

    public init(paths: [String] = [], excluding: [String] = [], format: String? = nil) {
        self.paths = paths
        self.excluding = excluding
        self.format = format
    }
}

/// What all commands of one run may use.
public struct WorkLimits: Codable, Sendable, Equatable {
    public var processes: Int
    public var memoryBytes: Int
    public var outputBytes: Int
    /// Whether a step that asks for the network gets it.
    public var allowsNetwork: Bool

    /// 512 processes, 4 GiB, 16 MiB of output a step, no network.
    public init(processes: Int = 512, memoryBytes: Int = 4 << 30, outputBytes: Int = 16 << 20, allowsNetwork: Bool = false) {
        self.processes = processes
        self.memoryBytes = memoryBytes
        self.outputBytes = outputBytes
        self.allowsNetwork = allowsNetwork
    }
}
