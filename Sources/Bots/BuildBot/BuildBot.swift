import BotKit
import Envelopes

/// Builds each commit, once, and says how it went. One event, one call, one answer: it remembers nothing.
public struct BuildBot: Bot {
    public typealias Output = BuildOutput
    public typealias Call = BuildCall

    public static let contract = Contract(
        name: "BuildBot",
        summary: "Builds each commit in a sandbox and stores the artifact.",
        consumes: [CodeCommitted.type],
        produces: BuildOutput.types,
        calls: BuildCall.kinds,
        cancels: [CancelSignal(type: BuildCancelRequested.type, runField: "build_id")],
        steps: ["git.checkout", "build.pipeline", "artifact.pack"],
        never: [
            "runs tests, scans, or deploys", "writes to a repository", "checks out a repository that its allow-list does not name",
            "runs a step of a pipeline outside the sandbox", "gives a step the bot's own environment",
        ],
        permissions: [
            Permission(resource: "git-repository", actions: ["read"]), Permission(resource: "artifact-store", actions: ["read", "write"]),
        ])

    /// Beginnings of URLs, when the configuration names none: remote repositories only.
    static let standardRepositories = ["https://", "ssh://"]

    let allowedRepositories: [String]
    let pipeline: Pipeline
    let limits: WorkLimits
    let timeLimit: Duration
    let maximumAttempts: Int
    private let reader: PipelineReader

    public init(configuration: BotConfiguration) throws(ConfigurationError) {
        let reader = PipelineReader(configuration, Self.contract)
        var allowed: [String]?
        let own = try reader.pipeline { action, parameters throws(ConfigurationError) in
            switch action.type {
            case "git.checkout":
                allowed = try parameters.strings("allow") ?? allowed
                return .checkout
            case "build.pipeline":
                return .repository
            case "artifact.pack":
                let format = try parameters.string("format")
                guard format == nil || format == "tar.zst" || format == "tar.gz" else {
                    throw parameters.error("format", "expected tar.zst or tar.gz")
                }
                return .pack(
                    PackSettings(
                        paths: try PipelineReader.paths("paths", &parameters), excluding: try PipelineReader.paths("exclude", &parameters),
                        format: format))
            default: return nil
            }
        }
        pipeline = own.steps.isEmpty ? Pipeline(steps: [PipelineStep(name: "pipeline", work: .repository)]) : own
        allowedRepositories = allowed ?? Self.standardRepositories
        limits = reader.limits
        timeLimit = configuration.constraints.timeout
        maximumAttempts = (configuration.constraints.retry ?? Self.contract.retry).maximumAttempts
        self.reader = reader
    }

    public func handle(
        _ input: Input<BuildCall>, state: inout Never?, context: Context
    ) throws(Rejection) -> [Effect<BuildOutput, BuildCall>] {
        switch input {
        case .event(let event): return start(try event.decode(CodeCommitted.self), context)
        case .finished(.run(let request), let outcome, let event):
            return try finish(try event.decode(CodeCommitted.self), request, outcome.response(to: request), event, context)
        case .reminder: return []
        }
    }

    private func start(_ commit: CodeCommitted, _ context: Context) -> [Effect<BuildOutput, BuildCall>] {
        let started = BuildStarted(
            buildID: context.runID, repository: commit.repository, commit: commit.commit, branch: commit.branch, author: commit.author,
            message: commit.message)
        let request = BuildRun(
            buildID: context.runID, repository: commit.repository, commit: commit.commit, branch: commit.branch,
            allowedRepositories: allowedRepositories, pipeline: pipeline, values: values(commit, context), limits: limits,
            timeLimit: timeLimit)
        // A second try is the same build: it has begun already.
        return (context.attempt == 1 ? [.produce(.started(started))] : []) + [.perform(.run(request))]
    }

    private func finish(
        _ commit: CodeCommitted, _ request: BuildRun, _ result: Result<BuildReport, CallFailure>, _ event: Event, _ context: Context
    ) throws(Rejection) -> [Effect<BuildOutput, BuildCall>] {
        let elapsed = elapsedSeconds(since: event, context)
        switch result {
        case .success(let report):
            let said = reader.notifications(report.messages, repository: commit.repository, values: request.values)
            return [.produce(ended(commit, report, context))] + said.map { .produce(.notification($0)) }
        case .failure(let failure) where failure.kind == .cancelled:
            let cancelled = BuildCancelled(
                buildID: context.runID, repository: commit.repository, commit: commit.commit, branch: commit.branch, author: commit.author,
                message: commit.message, reason: failure.message, requestedBy: failure.requestedBy, durationSeconds: elapsed)
            return [.produce(.cancelled(cancelled))]
        case .failure(let failure) where failure.kind == .transient && context.attempt < maximumAttempts:
            throw failure.rejection
        case .failure(let failure):
            let failed = StepFailure(step: failure.kind == .timedOut ? "pipeline" : failure.code, reason: failure.message)
            return [.produce(.failed(self.failed(commit, failed, commit.commit, elapsed, context)))]
        }
    }

    private func ended(_ commit: CodeCommitted, _ report: BuildReport, _ context: Context) -> BuildOutput {
        guard let artifact = report.artifact, report.failure == nil else {
            let failure = report.failure ?? StepFailure(step: "artifact.pack", reason: "no artifact came of it")
            return .failed(failed(commit, failure, report.commit, report.durationSeconds, context))
        }
        return .completed(
            BuildCompleted(
                buildID: context.runID, repository: commit.repository, commit: report.commit, branch: commit.branch, author: commit.author,
                message: commit.message, artifact: artifact, steps: report.steps, durationSeconds: report.durationSeconds))
    }

    private func failed(
        _ commit: CodeCommitted, _ failure: StepFailure, _ hash: String, _ seconds: Double, _ context: Context
    ) -> BuildFailed {
        BuildFailed(
            buildID: context.runID, repository: commit.repository, commit: hash, branch: commit.branch, author: commit.author,
            message: commit.message, failedStep: failure.step, exitStatus: failure.exitStatus, reason: cut(failure.reason, to: 2000),
            outputTail: failure.outputTail.suffix(40).map { cut($0, to: 1000) }, durationSeconds: seconds)
    }

    private func values(_ commit: CodeCommitted, _ context: Context) -> JSONValue {
        var values: [String: JSONValue] = [
            "repository": .string(commit.repository), "commit": .string(commit.commit), "build_id": .string(context.runID),
            "run": .object(["id": .string(context.runID)]),
        ]
        values["branch"] = commit.branch.map(JSONValue.string)
        values["author"] = commit.author.map(JSONValue.string)
        values["message"] = commit.message.map(JSONValue.string)
        values["before"] = commit.before.map(JSONValue.string)
        return .object(values)
    }
}
