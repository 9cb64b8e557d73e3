import BotKit
import Envelopes

/// `build.run`: checkout, pipeline, pack, store. A repeat begins from nothing and ends with the same artifact.
public struct BuildPerformer: CallPerformer {
    private let sandbox: Sandbox
    private let workspaces: Workspaces
    private let store: any ArtifactStore
    private let logDirectory: String
    private let variables: [String: String]
    private let sshEnvironment: [String: String]

    /// - Parameters:
    ///   - variables: for `${env.NAME}` in commands of the configuration.
    ///   - sshEnvironment: `HOME` and `SSH_AUTH_SOCK` for git's ssh.
    public init(
        sandbox: Sandbox, workspaces: Workspaces, store: any ArtifactStore, logDirectory: String, variables: [String: String] = [:],
        sshEnvironment: [String: String] = [:]
    ) {
        self.sandbox = sandbox
        self.workspaces = workspaces
        self.store = store
        self.logDirectory = logDirectory
        self.variables = variables
        self.sshEnvironment = sshEnvironment
    }

    public func perform(_ request: BuildRun, _ context: CallContext) async throws(CallFailure) -> BuildReport {
        let workspace = try await workspaces.open(context.runID)
        let result: Result<BuildReport, CallFailure>
        do throws(CallFailure) {
            let log: RunLog
            do throws(WorkFileError) {
                log = try RunLog(directory: logDirectory, runID: context.runID, publish: context.log)
            } catch { throw error.failure }
            if context.isRepeat { log.say("git.checkout", "the build begins again: the process that ran it before is gone") }
            var build = Build(request: request, context: context, performer: self, workspace: workspace, log: log)
            defer { log.close() }
            result = .success(try await build.run())
        } catch {
            result = .failure(error)
        }
        try await workspaces.close(workspace)
        return try result.get()
    }

    /// One build under way.
    private struct Build {
        let request: BuildRun
        let context: CallContext
        let performer: BuildPerformer
        let workspace: Workspace
        let log: RunLog
        let started = ContinuousClock.now
        var commit: String
        var time: Int64 = 0
        var steps: [StepResult] = []
        var messages: [String] = []
        var outputs: StepRunner.Outputs = [:]
        var failure: StepFailure?
        var packing: PackSettings?
        var artifact: ArtifactReference?

        init(request: BuildRun, context: CallContext, performer: BuildPerformer, workspace: Workspace, log: RunLog) {
            self.request = request
            self.context = context
            self.performer = performer
            self.workspace = workspace
            self.log = log
            commit = request.commit
        }

        mutating func run() async throws(CallFailure) -> BuildReport {
            if try await step("git.checkout", { build throws(CallFailure) in try await build.checkout() }) {
                _ = try await request.pipeline.walk { step throws(CallFailure) in try await perform(step) }
                if failure == nil && artifact == nil {
                    _ = try await step("artifact.pack") { build throws(CallFailure) in try await build.pack(build.packing ?? PackSettings())
                    }
                }
            }
            // A way that reached artifact.pack by itself has recovered from what failed before.
            if artifact != nil { failure = nil }
            return BuildReport(
                commit: commit, artifact: artifact, failure: failure, steps: steps,
                durationSeconds: (ContinuousClock.now - started).inSeconds, messages: messages)
        }

        /// One part of the build; a permanent failure of it is the build's, and no reason to try again.
        private mutating func step(
            _ name: String, _ body: (inout Build) async throws(CallFailure) -> Void
        ) async throws(CallFailure) -> Bool {
            let begin = ContinuousClock.now
            do throws(CallFailure) {
                try await body(&self)
                steps.append(StepResult(name: name, exitStatus: 0, durationSeconds: (ContinuousClock.now - begin).inSeconds))
                return true
            } catch {
                guard error.kind == .permanent else { throw error }
                log.say(name, error.description)
                steps.append(StepResult(name: name, exitStatus: 1, durationSeconds: (ContinuousClock.now - begin).inSeconds))
                failure = StepFailure(step: name, reason: error.description)
                return false
            }
        }

        private mutating func checkout() async throws(CallFailure) {
            log.say("git.checkout", "\(request.repository) at \(request.commit)")
            let log = log
            let git = GitCheckout(allowed: request.allowedRepositories, sshEnvironment: performer.sshEnvironment)
            let result = try await git.run(
                repository: request.repository, commit: request.commit, branch: request.branch, into: workspace.tree,
                scratch: workspace.scratch
            ) { stream, text in log.line("git.checkout", stream, text) }
            commit = result.commit
            time = result.time
        }

        private mutating func perform(_ step: PipelineStep) async throws(CallFailure) -> Bool {
            switch step.work {
            case .checkout: return true
            case .message:
                messages.append(step.name)
                return true
            case .repository: return try await repository(step.name)
            case .run(let command): return try await run(command, name: step.name)
            case .pack(let settings):
                packing = settings
                let went = try await self.step(step.name) { build throws(CallFailure) in try await build.pack(settings) }
                return went
            case .fetch, .suite, .repositorySuites:
                throw CallFailure(.permanent, code: "bad-pipeline", message: "'\(step.name)' is no step of a build")
            }
        }

        private mutating func repository(_ name: String) async throws(CallFailure) -> Bool {
            let own: [RepositoryFile.Step]
            switch try await runner.repositoryFile() {
            case .failure(let mistakes):
                failure = StepFailure(step: RepositoryFile.name, reason: mistakes.description, outputTail: mistakes.list)
                log.say(name, mistakes.description)
                return false
            case .success(let file):
                packing = packing ?? file?.artifact
                if let listed = file?.build {
                    own = listed
                } else {
                    own = Detection.build(names: runner.names())
                    let names = own.map(\.name).joined(separator: ", ")
                    log.say(
                        name,
                        own.isEmpty
                            ? "no pipeline is named and no build file is known: the tree is packed as it is"
                            : "found by its files: \(names)")
                }
            }
            for step in own where try await !run(step.command, name: step.name) { return false }
            return true
        }

        private mutating func run(_ command: StepCommand, name: String) async throws(CallFailure) -> Bool {
            log.say(name, "begins")
            let result = try await runner.run(command, name: name, outputs: outputs)
            steps.append(StepResult(name: name, exitStatus: result.exitCode, durationSeconds: result.duration.inSeconds))
            outputs[name] = StepRunner.output(of: result)
            log.say(name, result.reason)
            guard !result.isSuccess else { return true }
            var exitStatus: Int?
            if case .exited(let code) = result.status, result.ending == .finished { exitStatus = Int(code) }
            failure = StepFailure(step: name, exitStatus: exitStatus, reason: "step '\(name)': \(result.reason)", outputTail: result.tail)
            return false
        }

        private mutating func pack(_ settings: PackSettings) async throws(CallFailure) {
            let format = settings.format.flatMap(ArtifactFormat.init) ?? Archive.preferredFormat
            var paths = settings.paths
            if !paths.isEmpty && !paths.contains(RepositoryFile.name) && WorkFiles.exists("\(workspace.tree)/\(RepositoryFile.name)") {
                paths.append(RepositoryFile.name)
            }
            let file = "\(workspace.scratch)/artifact"
            try await Archive.pack(workspace.tree, paths: paths, excluding: settings.excluding, time: time, format: format, to: file)
            let stored = try await performer.store.put(file, format: format)
            log.say("artifact.pack", "\(stored.sizeBytes) bytes, SHA-256 \(stored.sha256)")
            artifact = stored
        }

        private var runner: StepRunner {
            StepRunner(
                sandbox: performer.sandbox, workspace: workspace, limits: request.limits, values: request.values,
                variables: performer.variables,
                environment: [
                    "SOURCE_DATE_EPOCH": String(time), "MESH_RUN_ID": request.buildID, "MESH_COMMIT": commit,
                    "MESH_REPOSITORY": request.repository,
                    "MESH_BRANCH": request.branch ?? "",
                ],
                log: log, deadline: started + request.timeLimit)
        }
    }
}
