import BotKit
import Envelopes

/// Tests each artifact, once, and says what came of it. One event, one call, one answer: it remembers nothing.
public struct TestBot: Bot {
    public typealias Output = TestOutput
    public typealias Call = TestCall

    public static let contract = Contract(
        name: "TestBot",
        summary: "Runs the suites of each built artifact in a sandbox and counts what they say.",
        consumes: [BuildCompleted.type],
        produces: TestOutput.types,
        calls: TestCall.kinds,
        steps: ["artifact.fetch", "test.suite"],
        never: [
            "builds or changes an artifact", "tests an artifact whose digest is not the one that was announced", "scans or deploys",
            "runs a suite outside the sandbox", "gives a suite the bot's own environment",
        ],
        permissions: [Permission(resource: "artifact-store", actions: ["read"])])

    let pipeline: Pipeline
    let limits: WorkLimits
    let timeLimit: Duration
    let maximumAttempts: Int
    private let reader: PipelineReader

    public init(configuration: BotConfiguration) throws(ConfigurationError) {
        let reader = PipelineReader(configuration, Self.contract)
        var index = -1
        let own = try reader.pipeline { action, parameters throws(ConfigurationError) in
            index += 1
            switch action.type {
            case "artifact.fetch": return .fetch
            case "test.suite": return try Self.suite(action, index: index, &parameters, reader)
            default: return nil
            }
        }
        let hasSuites = own.steps.contains { step in
            switch step.work {
            case .suite, .run, .repositorySuites: true
            default: false
            }
        }
        pipeline = hasSuites ? own : Pipeline(steps: [PipelineStep(name: "suites", work: .repository)])
        limits = reader.limits
        timeLimit = configuration.constraints.timeout
        maximumAttempts = (configuration.constraints.retry ?? Self.contract.retry).maximumAttempts
        self.reader = reader
    }

    private static func suite(
        _ action: BotConfiguration.Action, index: Int, _ parameters: inout ActionParameters, _ reader: PipelineReader
    ) throws(ConfigurationError) -> PipelineWork {
        let kind = try parameters.choice("suite", TestSuite.Kind.self) ?? .unit
        guard action.command != nil else { return .repositorySuites(kind) }
        let command = try reader.command(action, index: index, &parameters)
        for name in ["junit", "coverage"] {
            if case .string(let path)? = action.parameters[name], !PipelineReader.isBelow(path) {
                throw parameters.error(name, "expected a file below the workspace")
            }
        }
        var threshold: Double?
        if let value = action.parameters["coverage_threshold"]?.number {
            guard (0...100).contains(value) else {
                throw parameters.error("coverage_threshold", "expected a number of percent, from 0 to 100")
            }
            threshold = value
            _ = try parameters.seconds("coverage_threshold", in: 0...100)
        }
        return .suite(
            TestSuite(
                kind: kind, command: command, junit: try parameters.string("junit"), coverage: try parameters.string("coverage"),
                coverageThreshold: threshold, rerunsFailed: try parameters.bool("rerun_failed", default: true),
                rerunCommand: try parameters.string("rerun_command")))
    }

    public func handle(
        _ input: Input<TestCall>, state: inout Never?, context: Context
    ) throws(Rejection) -> [Effect<TestOutput, TestCall>] {
        switch input {
        case .event(let event): return start(try event.decode(BuildCompleted.self), context)
        case .finished(.run(let request), let outcome, let event):
            return try finish(try event.decode(BuildCompleted.self), request, outcome.response(to: request), event, context)
        case .reminder: return []
        }
    }

    private func start(_ build: BuildCompleted, _ context: Context) -> [Effect<TestOutput, TestCall>] {
        let names = pipeline.steps.compactMap { step in
            switch step.work {
            case .suite, .run: step.name
            case .repositorySuites(let kind): kind.rawValue
            default: nil
            }
        }
        let started = TestStarted(
            testID: context.runID, buildID: build.buildID, repository: build.repository, commit: build.commit, branch: build.branch,
            suites: names)
        let request = TestRun(
            testID: context.runID, buildID: build.buildID, repository: build.repository, commit: build.commit, artifact: build.artifact,
            pipeline: pipeline, values: values(build, context), limits: limits, timeLimit: timeLimit)
        return (context.attempt == 1 ? [.produce(.started(started))] : []) + [.perform(.run(request))]
    }

    private func finish(
        _ build: BuildCompleted, _ request: TestRun, _ result: Result<TestReport, CallFailure>, _ event: Event, _ context: Context
    ) throws(Rejection) -> [Effect<TestOutput, TestCall>] {
        switch result {
        case .success(let report):
            let said = reader.notifications(report.messages, repository: build.repository, values: request.values)
            return [.produce(ended(build, report, context))] + said.map { .produce(.notification($0)) }
        case .failure(let failure) where failure.kind == .transient && context.attempt < maximumAttempts:
            throw failure.rejection
        case .failure(let failure):
            // Nothing was tested: the artifact is not the one that was announced, cannot be read, or the time ran out.
            let elapsed = elapsedSeconds(since: event, context)
            let report = TestReport(suites: [], reason: "\(failure.message) (\(failure.code))", durationSeconds: elapsed)
            return [.produce(.failed(failed(build, report, context)))]
        }
    }

    private func ended(_ build: BuildCompleted, _ report: TestReport, _ context: Context) -> TestOutput {
        if report.reason != nil { return .failed(failed(build, report, context)) }
        guard !report.suites.isEmpty else {
            return .skipped(
                TestSkipped(
                    testID: context.runID, buildID: build.buildID, repository: build.repository, commit: build.commit, branch: build.branch,
                    reason: "neither the configuration nor the repository names a suite", artifact: build.artifact))
        }
        let totals = Totals(report.suites)
        return .completed(
            TestCompleted(
                testID: context.runID, buildID: build.buildID, repository: build.repository, commit: build.commit, branch: build.branch,
                author: build.author, message: build.message, artifact: build.artifact, total: totals.total, passed: totals.passed,
                failed: totals.failed, skipped: totals.skipped, flaky: report.flaky, coveragePercent: report.coveragePercent,
                durationSeconds: report.durationSeconds, suites: report.suites, reportURL: report.reportURL))
    }

    private func failed(_ build: BuildCompleted, _ report: TestReport, _ context: Context) -> TestFailed {
        let totals = Totals(report.suites)
        return TestFailed(
            testID: context.runID, buildID: build.buildID, repository: build.repository, commit: build.commit, branch: build.branch,
            author: build.author, message: build.message, artifact: build.artifact, total: totals.total, passed: totals.passed,
            failed: totals.failed, skipped: totals.skipped, flaky: report.flaky, coveragePercent: report.coveragePercent,
            durationSeconds: report.durationSeconds, suites: report.suites, reportURL: report.reportURL,
            reason: cut(report.reason ?? "", to: 2000),
            failures: report.failures.prefix(100).map {
                CaseFailure(suite: $0.suite, name: cut($0.name, to: 300), message: cut($0.message, to: 1000))
            },
            outputTail: report.outputTail.suffix(40).map { cut($0, to: 1000) })
    }

    private func values(_ build: BuildCompleted, _ context: Context) -> JSONValue {
        var values: [String: JSONValue] = [
            "repository": .string(build.repository), "commit": .string(build.commit), "build_id": .string(build.buildID),
            "test_id": .string(context.runID), "run": .object(["id": .string(context.runID)]), "status": .string(build.status),
        ]
        values["branch"] = build.branch.map(JSONValue.string)
        values["author"] = build.author.map(JSONValue.string)
        values["message"] = build.message.map(JSONValue.string)
        return .object(values)
    }
}

/// Sums over suites.
private struct Totals {
    let total, passed, failed, skipped: Int

    init(_ suites: [SuiteResult]) {
        total = suites.reduce(0) { $0 + $1.total }
        passed = suites.reduce(0) { $0 + $1.passed }
        failed = suites.reduce(0) { $0 + $1.failed }
        skipped = suites.reduce(0) { $0 + $1.skipped }
    }
}
