import BotKit
import Envelopes
import Glibc

/// Performs `security.scan`: fetches and verifies the artifact, scans its tree and the commit's diff, and writes SARIF and CycloneDX beside the artifact.
/// Repeating it gives the same reports under the same names.
public struct SecurityScanPerformer: CallPerformer {
    private let store: DirectoryArtifactStore
    private let workspaces: String
    private let sshEnvironment: [String: String]
    /// What a relative path in the configuration begins at; nil: the working directory.
    private let home: String?
    private let osv = OSVDatabase()
    // Compiled at the first scan: most processes never do one.
    private static let secrets = SecretScanner()
    private static let statics = StaticScanner()

    /// Findings that travel in events; all of them stand in the reports.
    static let maximumInEvent = 200

    /// - Parameters:
    ///   - dataDirectory: the process's data directory, an absolute path.
    ///   - environment: of the process; git over ssh gets `HOME` and `SSH_AUTH_SOCK` of it; relative paths of the configuration begin at its `MESH_HOME`.
    public init(dataDirectory: String, environment: [String: String] = [:]) {
        home = environment["MESH_HOME"]
        sshEnvironment = environment.filter { ["HOME", "SSH_AUTH_SOCK"].contains($0.key) }
        store = DirectoryArtifactStore(directory: "\(dataDirectory)/artifacts")
        workspaces = "\(dataDirectory)/workspaces"
    }

    public func perform(_ request: SecurityScanRequest, _ context: CallContext) async throws(CallFailure) -> SecurityScanResponse {
        let start = ContinuousClock.now
        // It becomes a part of the reports' names.
        guard case .hash = try Revision(request.commit) else {
            throw CallFailure(.permanent, code: "commit-refused", message: "the commit is not 7 to 64 hexadecimal digits")
        }
        // A place of its own for each process, so that a repeat elsewhere cannot meet this one.
        let workspace = "\(workspaces)/\(context.runID).scan.\(getpid()).\(UInt32.random(in: 0 ... .max))"
        let result: Result<ScanFindings, CallFailure>
        do throws(CallFailure) {
            result = .success(try await scan(request, context, workspace: workspace))
        } catch {
            result = .failure(error)
        }
        await remove(workspace, context)
        let findings = try result.get()
        let base = try reportBase(request)
        let sarif = SARIF.report(findings, repository: request.repository, commit: request.commit).bytes
        let sbom = CycloneDX.report(
            findings, repository: request.repository, commit: request.commit, artifact: request.artifact
        ).bytes
        try await write([(base + ".sarif.json", sarif), (base + ".cdx.json", sbom)])
        return Self.response(findings, base: base, duration: start.duration(to: .now))
    }

    private func scan(
        _ request: SecurityScanRequest, _ context: CallContext, workspace: String
    ) async throws(CallFailure) -> ScanFindings {
        let step = "scan"
        func say(_ text: String) { context.log(LogLine(step: step, stream: .mesh, text: text)) }
        _ = try await StopFlag.run { _ in
            do throws(WorkFileError) {
                try WorkFiles.makeDirectory(workspace, mode: 0o700)
                return .success(true)
            } catch {
                return .failure(error.failure)
            }
        }
        let tree = "\(workspace)/tree"
        try await store.unpack(request.artifact, into: tree)
        say("fetched and verified \(request.artifact.url)")
        var history: CommitHistory?
        if request.settings.checks.contains(.secrets) {
            let fetcher = CommitFetcher(
                allowed: request.settings.repositories, sshEnvironment: sshEnvironment, timeLimit: .seconds(300))
            history = try await fetcher.fetch(repository: request.repository, commit: request.commit, into: workspace)
            say("fetched \(request.commit.prefix(12)) and its parents")
        }
        let scanner = TreeScanner(
            settings: request.settings, allowList: history?.allowList ?? SecretAllowList(), secrets: Self.secrets, statics: Self.statics)
        let commitHistory = history
        let directory = request.settings.osvDirectory.map { path in
            home.map { path.hasPrefix("/") ? path : "\($0)/\(path)" } ?? path
        }
        let findings = try await StopFlag.run { [osv] stop -> Result<ScanFindings, CallFailure> in
            var result = ScanFindings()
            do throws(CallFailure) {
                try scanner.scan(tree: tree, into: &result, stop: stop)
                if let commitHistory {
                    for problem in commitHistory.problems { result.note(problem) }
                    try scanner.scan(diff: commitHistory.diff, into: &result, stop: stop)
                }
                try Self.compare(&result, request.settings, directory, osv, stop)
            } catch {
                return .failure(error)
            }
            return .success(result)
        }
        say("\(findings.findings.count) findings, \(findings.dependencies.count) dependencies")
        for note in findings.notes { say(note) }
        return findings
    }

    private static func compare(
        _ result: inout ScanFindings, _ settings: SecurityScanSettings, _ directory: String?, _ osv: OSVDatabase, _ stop: StopFlag
    ) throws(CallFailure) {
        guard settings.checks.contains(.dependencies), let directory else { return }
        let answer = try osv.matches(result.dependencies, directory: directory, stop: stop)
        for problem in answer.problems { result.incomplete(problem) }
        for match in answer.matches where ([match.record.id] + match.record.aliases).allSatisfy({ !settings.ignored.contains($0) }) {
            result.matches.append(match)
            let dependency = match.dependency
            let fix = match.fix.map { "; mended in \($0)" } ?? ""
            let summary = match.record.summary.isEmpty ? "" : ": \(match.record.summary)"
            result.add(
                Finding(
                    check: .dependencies, rule: match.record.id, severity: match.severity,
                    message: "\(dependency.name) \(dependency.version)\(summary)\(fix)", file: dependency.file, line: dependency.line,
                    fingerprint: UUIDv5.derive(["vulnerability", match.record.id, dependency.packageURL, dependency.file]).text))
        }
    }

    /// The reports of two commits with the same artifact differ, so their names have the commit in them.
    private func reportBase(_ request: SecurityScanRequest) throws(CallFailure) -> String {
        guard let path = FileURL.path(request.artifact.url) else {
            throw CallFailure(.permanent, code: "artifact-refused", message: "\(request.artifact.url) is not in this mesh's artifact store")
        }
        return "\(path).\(request.commit.prefix(12))"
    }

    private func write(_ reports: [(path: String, bytes: [UInt8])]) async throws(CallFailure) {
        _ = try await StopFlag.run { _ in
            do throws(WorkFileError) {
                for report in reports { try WorkFiles.write(report.bytes, to: report.path) }
                return .success(true)
            } catch {
                return .failure(error.failure)
            }
        }
    }

    private func remove(_ workspace: String, _ context: CallContext) async {
        let problem = await onOwnThread { () -> WorkFileError? in
            do throws(WorkFileError) {
                try WorkFiles.remove(workspace)
                return nil
            } catch {
                return error
            }
        }
        // The scan's result stands; what is left over is said.
        if let problem { context.log(LogLine(step: "scan", stream: .mesh, text: problem.description)) }
    }

    private static func response(_ result: ScanFindings, base: String, duration: Duration) -> SecurityScanResponse {
        func short(_ text: String, _ limit: Int = 256) -> String { String(text.prefix(limit)) }
        let vulnerabilities = result.matches.prefix(maximumInEvent).map { match in
            Vulnerability(
                id: match.record.id, package: match.dependency.name, ecosystem: match.dependency.ecosystem.rawValue,
                version: match.dependency.version, severity: match.severity, fixedIn: match.fix.map { short($0) })
        }
        let secrets = result.findings.filter { $0.check == .secrets }.prefix(maximumInEvent).map { finding in
            SecretFinding(rule: finding.rule, file: short(finding.file), line: max(1, finding.line ?? 1), fingerprint: finding.fingerprint)
        }
        let (seconds, attoseconds) = duration.components
        return SecurityScanResponse(
            secretCounts: result.counts(.secrets), staticCounts: result.counts(.static), dockerfileCounts: result.counts(.dockerfile),
            dependencyCounts: result.counts(.dependencies), vulnerabilities: vulnerabilities, secrets: secrets,
            isComplete: result.isComplete, notes: result.notes.map { short($0, 500) }, sarifURL: FileURL.text(base + ".sarif.json"),
            sbomURL: FileURL.text(base + ".cdx.json"), durationSeconds: Double(seconds) + Double(attoseconds) * 1e-18)
    }
}
