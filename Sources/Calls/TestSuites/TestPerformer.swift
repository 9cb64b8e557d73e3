import BotKit
import Envelopes

/// `test.run`: fetch, verify, unpack, run the suites, and count. A repeat begins from nothing.
public struct TestPerformer: CallPerformer {
    private let sandbox: Sandbox
    private let workspaces: Workspaces
    private let store: any ArtifactStore
    private let logDirectory: String
    private let reportDirectory: String
    private let variables: [String: String]

    /// - Parameter variables: for `${env.NAME}` in commands of the configuration.
    public init(
        sandbox: Sandbox, workspaces: Workspaces, store: any ArtifactStore, logDirectory: String, reportDirectory: String,
        variables: [String: String] = [:]
    ) {
        self.sandbox = sandbox
        self.workspaces = workspaces
        self.store = store
        self.logDirectory = logDirectory
        self.reportDirectory = reportDirectory
        self.variables = variables
    }

    public func perform(_ request: TestRun, _ context: CallContext) async throws(CallFailure) -> TestReport {
        let workspace = try await workspaces.open(context.runID)
        let result: Result<TestReport, CallFailure>
        do throws(CallFailure) {
            let log: RunLog
            do throws(WorkFileError) {
                log = try RunLog(directory: logDirectory, runID: context.runID, publish: context.log)
            } catch { throw error.failure }
            var run = Run(request: request, performer: self, workspace: workspace, log: log)
            defer { log.close() }
            result = .success(try await run.run())
        } catch {
            result = .failure(error)
        }
        try await workspaces.close(workspace)
        return try result.get()
    }

    /// One run under way.
    private struct Run {
        let request: TestRun
        let performer: TestPerformer
        let workspace: Workspace
        let log: RunLog
        let started = ContinuousClock.now
        var suites: [SuiteOutcome] = []
        var messages: [String] = []
        var outputs: StepRunner.Outputs = [:]
        /// Mistakes in the repository's own file.
        var mistakes: [String] = []

        init(request: TestRun, performer: TestPerformer, workspace: Workspace, log: RunLog) {
            self.request = request
            self.performer = performer
            self.workspace = workspace
            self.log = log
        }

        mutating func run() async throws(CallFailure) -> TestReport {
            log.say("artifact.fetch", "\(request.artifact.url), \(request.artifact.sizeBytes) bytes")
            // The unpacked tree takes the place of the empty one.
            do throws(WorkFileError) { try WorkFiles.remove(workspace.tree) } catch { throw error.failure }
            try await performer.store.unpack(request.artifact, into: workspace.tree)
            _ = try await request.pipeline.walk { step throws(CallFailure) in try await perform(step) }
            return try await report()
        }

        private mutating func perform(_ step: PipelineStep) async throws(CallFailure) -> Bool {
            switch step.work {
            case .fetch: return true
            case .message:
                messages.append(step.name)
                return true
            case .suite(let suite): return try await run(suite, name: step.name)
            case .run(let command): return try await run(TestSuite(command: command, rerunsFailed: false), name: step.name)
            case .repository: return try await repository { _ in true }
            case .repositorySuites(let kind): return try await repository { $0 == kind }
            case .checkout, .pack: throw CallFailure(.permanent, code: "bad-pipeline", message: "'\(step.name)' is no step of a test run")
            }
        }

        /// All of the repository's suites run, also after one has failed.
        private mutating func repository(_ wants: (TestSuite.Kind) -> Bool) async throws(CallFailure) -> Bool {
            let own: [RepositoryFile.Suite]
            switch try await runner.repositoryFile() {
            case .failure(let problem):
                mistakes = problem.list
                log.say(RepositoryFile.name, problem.description)
                return false
            case .success(let file):
                let tree = workspace.tree
                own =
                    file?.test
                    ?? Detection.test(names: runner.names()) { name in
                        do throws(WorkFileError) {
                            return try WorkFiles.readBeneath(tree, name, limit: 1 << 20).map { String(decoding: $0, as: UTF8.self) }
                        } catch {
                            return nil
                        }
                    }
            }
            var went = true
            for item in own where wants(item.suite.kind) {
                let passed = try await run(item.suite, name: item.name)
                went = went && passed
            }
            return went
        }

        private mutating func run(_ suite: TestSuite, name: String) async throws(CallFailure) -> Bool {
            log.say(name, "begins")
            let outcome = try await SuiteRun(name: name, suite: suite, runner: runner, outputs: outputs).run()
            let result = outcome.result
            log.say(name, "\(result.total) tests: \(result.passed) passed, \(result.failed) failed, \(result.skipped) skipped")
            for complaint in outcome.complaints { log.say(name, complaint) }
            outputs[name] = .object([
                "total": .integer(Int64(result.total)), "failed": .integer(Int64(result.failed)),
                "exit_status": .integer(outcome.hasPassed ? 0 : 1),
            ])
            suites.append(outcome)
            return outcome.hasPassed
        }

        private func report() async throws(CallFailure) -> TestReport {
            let failures = suites.flatMap { suite in
                suite.cases.filter { $0.status == .failed }.map { CaseFailure(suite: suite.name, name: $0.fullName, message: $0.message) }
            }
            let flaky = suites.flatMap { suite in suite.cases.filter(\.isFlaky).map { "\(suite.name)/\($0.fullName)" } }
            var coverage: Coverage?
            for more in suites.compactMap(\.coverage) {
                coverage = coverage ?? Coverage()
                coverage?.add(more)
            }
            return TestReport(
                suites: suites.map(\.result), failures: Array(failures.prefix(100)), flaky: Array(flaky.prefix(100)),
                coveragePercent: coverage?.percent, reason: reason(failures),
                outputTail: suites.first { !$0.hasPassed }?.outputTail ?? mistakes,
                durationSeconds: (ContinuousClock.now - started).inSeconds, reportURL: try await write(), messages: messages)
        }

        private func reason(_ failures: [CaseFailure]) -> String? {
            var parts = mistakes.isEmpty ? [] : [mistakes.joined(separator: "; ")]
            if !failures.isEmpty {
                let total = suites.reduce(0) { $0 + $1.cases.count }
                let names = failures.prefix(5).map { "\($0.suite)/\($0.name)" }.joined(separator: ", ")
                parts.append("\(failures.count) of \(total) tests failed: \(names)\(failures.count > 5 ? ", …" : "")")
            }
            for suite in suites { parts += suite.complaints.map { "\(suite.name): \($0)" } }
            return parts.isEmpty ? nil : parts.joined(separator: "; ")
        }

        /// All suites in one JUnit file; its URL.
        private func write() async throws(CallFailure) -> String? {
            guard !suites.isEmpty else { return nil }
            let xml = JUnitReport.xml(suites.map { ($0.name, $0.cases) })
            let directory = performer.reportDirectory
            let path = "\(directory)/\(request.testID).xml"
            let result = await onOwnThread { () -> Result<Void, WorkFileError> in
                do throws(WorkFileError) {
                    try WorkFiles.makeDirectory(directory)
                    try WorkFiles.write(Array(xml.utf8), to: path)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            try result.mapError(\.failure).get()
            return FileURL.text(path)
        }

        private var runner: StepRunner {
            StepRunner(
                sandbox: performer.sandbox, workspace: workspace, limits: request.limits, values: request.values,
                variables: performer.variables,
                environment: ["MESH_RUN_ID": request.testID, "MESH_COMMIT": request.commit, "MESH_REPOSITORY": request.repository],
                log: log, deadline: started + request.timeLimit)
        }
    }
}
