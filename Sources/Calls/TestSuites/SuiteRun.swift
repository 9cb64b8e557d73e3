import BotKit
import Envelopes

/// What one suite came to, before sums are made.
struct SuiteOutcome: Sendable {
    var name: String
    var cases: [JUnitReport.Case]
    var coverage: Coverage?
    /// Why it failed beyond its tests: a report that is missing, coverage below its threshold.
    var complaints: [String] = []
    var outputTail: [String] = []
    var duration: Duration = .zero

    var hasPassed: Bool { complaints.isEmpty && !cases.contains { $0.status == .failed } }

    var result: SuiteResult {
        SuiteResult(
            name: name, total: cases.count, passed: cases.count { $0.status == .passed }, failed: cases.count { $0.status == .failed },
            skipped: cases.count { $0.status == .skipped }, durationSeconds: duration.inSeconds)
    }
}

/// Runs one suite, reads its reports, and runs failed tests once more.
struct SuiteRun: Sendable {
    let name: String
    let suite: TestSuite
    let runner: StepRunner
    let outputs: StepRunner.Outputs

    func run() async throws(CallFailure) -> SuiteOutcome {
        let begin = ContinuousClock.now
        try await clear()
        let result = try await runner.run(suite.command, name: name, outputs: outputs)
        runner.log.say(name, result.reason)
        var outcome = try await read(result)
        if suite.coverage != nil || suite.coverageThreshold != nil { try await readCoverage(into: &outcome) }
        if suite.rerunsFailed, result.ending == .finished, outcome.cases.contains(where: { $0.status == .failed }) {
            try await rerun(&outcome)
        }
        outcome.outputTail = outcome.hasPassed ? [] : result.tail
        outcome.duration = ContinuousClock.now - begin
        return outcome
    }

    /// Removes reports that came with the artifact, by a command in the sandbox, so that no link can lead it astray.
    private func clear() async throws(CallFailure) {
        let reports = [suite.junit, suite.coverage].compactMap { $0 }
        guard !reports.isEmpty else { return }
        let result = try await runner.run(["/bin/rm", "-rf", "--"] + reports, name: name, timeLimit: .seconds(60))
        guard result.isSuccess else {
            throw CallFailure(
                .permanent, code: "bad-report-path", message: "cannot clear \(reports.joined(separator: ", ")): \(result.reason)")
        }
    }

    private func read(_ result: ChildResult) async throws(CallFailure) -> SuiteOutcome {
        var outcome = SuiteOutcome(name: name, cases: [])
        if let junit = suite.junit {
            switch await report(junit) {
            case .success(let report):
                outcome.cases = report.cases
                // The runner is not believed to have passed when it says otherwise by its status.
                if !result.isSuccess && !report.cases.contains(where: { $0.status == .failed }) {
                    outcome.cases.append(JUnitReport.Case(className: "", name: name, status: .failed, message: result.reason))
                }
                return outcome
            case .failure(let problem):
                if result.isSuccess { outcome.complaints.append("the JUnit report \(junit): \(problem)") }
            }
        }
        // Without a report the suite is one test.
        outcome.cases = [
            JUnitReport.Case(
                className: "", name: name, status: result.isSuccess ? .passed : .failed, message: result.isSuccess ? "" : result.reason,
                seconds: result.duration.inSeconds)
        ]
        return outcome
    }

    private func rerun(_ outcome: inout SuiteOutcome) async throws(CallFailure) {
        let failed = outcome.cases.filter { $0.status == .failed }
        runner.log.say(name, "\(failed.count) failed; running again to tell flaky from broken")
        try await clear()
        let result: ChildResult
        if let line = suite.rerunCommand {
            var command = suite.command
            command.line = .shell(line)
            result = try await runner.run(command, name: name, outputs: outputs, arguments: failed.map(\.fullName))
        } else {
            result = try await runner.run(suite.command, name: name, outputs: outputs)
        }
        let again = try await read(result)
        let passed = Set(again.cases.filter { $0.status == .passed }.map { Name($0) })
        let broken = Set(again.cases.filter { $0.status == .failed }.map { Name($0) })
        for index in outcome.cases.indices where outcome.cases[index].status == .failed {
            let name = Name(outcome.cases[index])
            // What stood for the exit status alone has passed when nothing failed any more.
            let stoodForStatus =
                outcome.cases[index].className.isEmpty && outcome.cases[index].name == self.name && result.isSuccess && broken.isEmpty
            guard passed.contains(name) && !broken.contains(name) || stoodForStatus else { continue }
            outcome.cases[index].status = .passed
            outcome.cases[index].isFlaky = true
        }
    }

    private struct Name: Hashable {
        let className: String
        let name: String
        init(_ test: JUnitReport.Case) {
            className = test.className
            name = test.name
        }
    }

    private func readCoverage(into outcome: inout SuiteOutcome) async throws(CallFailure) {
        let threshold = suite.coverageThreshold
        guard let path = suite.coverage else {
            outcome.complaints.append("a coverage threshold without a coverage report")
            return
        }
        switch await file(path, limit: Coverage.maximumBytes) {
        case .failure(let problem):
            if threshold != nil { outcome.complaints.append("the coverage report \(path): \(problem)") }
            runner.log.say(name, "the coverage report \(path): \(problem)")
        case .success(let bytes):
            do throws(Coverage.Problem) {
                let coverage = try Coverage(parsing: bytes)
                outcome.coverage = coverage
                guard let threshold else { return }
                guard let percent = coverage.percent else {
                    outcome.complaints.append("the coverage report \(path) names no lines")
                    return
                }
                if percent < threshold { outcome.complaints.append("coverage of \(rounded(percent))% is below \(rounded(threshold))%") }
            } catch {
                outcome.complaints.append("the coverage report \(path): \(error)")
            }
        }
    }

    private func report(_ path: String) async -> Result<JUnitReport, Problem> {
        switch await file(path, limit: JUnitReport.maximumBytes) {
        case .failure(let problem): return .failure(problem)
        case .success(let bytes):
            do throws(JUnitReport.Problem) {
                return .success(try JUnitReport(parsing: bytes))
            } catch {
                return .failure(Problem(description: error.description))
            }
        }
    }

    private struct Problem: Error, CustomStringConvertible { let description: String }

    private func file(_ path: String, limit: Int) async -> Result<[UInt8], Problem> {
        let tree = runner.workspace.tree
        return await onOwnThread {
            do throws(WorkFileError) {
                guard let bytes = try WorkFiles.readBeneath(tree, path, limit: limit) else {
                    return .failure(Problem(description: "was not written"))
                }
                return .success(bytes)
            } catch {
                return .failure(Problem(description: error.description))
            }
        }
    }
}

/// With one decimal.
func rounded(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
}
