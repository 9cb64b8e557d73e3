import BotKit
import Envelopes

/// Looks for secrets, dangerous calls and known vulnerabilities in what was built and tested, and says by policy whether it may be deployed.
public struct SecurityBot: Bot {
    public typealias Output = SecurityOutput
    public typealias Call = SecurityCall

    public static let contract = Contract(
        name: "SecurityBot",
        summary: "Scans a tested artifact and its commit for secrets, dangerous calls and known vulnerabilities, and decides by policy.",
        consumes: [TestCompleted.type, TestSkipped.type],
        produces: SecurityOutput.types,
        calls: SecurityCall.kinds,
        steps: SecuritySettings.steps,
        never: [
            "changes what it scans", "writes a secret that it found into a record, a log or a report",
            "lets an artifact pass whose scan could not run",
        ],
        permissions: [
            Permission(resource: "git-repository", actions: ["read"]), Permission(resource: "artifact-store", actions: ["read", "write"]),
        ])

    private let settings: SecuritySettings
    private let timeLimit: Duration
    private let maximumAttempts: Int

    public init(configuration: BotConfiguration) throws(ConfigurationError) {
        settings = try SecuritySettings(configuration)
        timeLimit = configuration.constraints.timeout
        maximumAttempts = (configuration.constraints.retry ?? Self.contract.retry).maximumAttempts
    }

    public func handle(
        _ input: Input<SecurityCall>, state: inout Never?, context: Context
    ) throws(Rejection) -> [Effect<SecurityOutput, SecurityCall>] {
        switch input {
        case .event(let event): return start(try ScanSubject(event), context)
        case .finished(.scan(let request), let outcome, let event):
            return try finish(try ScanSubject(event), outcome.response(to: request), context)
        case .reminder: return []
        }
    }

    private func start(_ subject: ScanSubject, _ context: Context) -> [Effect<SecurityOutput, SecurityCall>] {
        let started = SecurityScanStarted(
            scanID: context.runID, testID: subject.testID, buildID: subject.buildID, repository: subject.repository,
            commit: subject.commit, branch: subject.branch)
        let request = SecurityScanRequest(
            repository: subject.repository, commit: subject.commit, artifact: subject.artifact, settings: settings.scan,
            timeLimit: timeLimit)
        // A second try is the same scan: it has begun already.
        return (context.attempt == 1 ? [.produce(.started(started))] : []) + [.perform(.scan(request))]
    }

    private func finish(
        _ subject: ScanSubject, _ result: Result<SecurityScanResponse, CallFailure>, _ context: Context
    ) throws(Rejection) -> [Effect<SecurityOutput, SecurityCall>] {
        switch result {
        case .failure(let failure) where failure.kind == .transient && context.attempt < maximumAttempts: throw failure.rejection
        case .failure(let failure):
            let failed = SecurityFailed(
                scanID: context.runID, buildID: subject.buildID, repository: subject.repository, commit: subject.commit,
                branch: subject.branch, code: failure.code, reason: String(failure.message.prefix(2000)))
            return [.produce(.failed(failed))]
        case .success(let scan):
            let reasons = settings.policy.reasons(scan)
            var effects: [Effect<SecurityOutput, SecurityCall>] = []
            if !scan.secrets.isEmpty {
                effects.append(
                    .produce(
                        .secrets(
                            SecuritySecretsFound(
                                scanID: context.runID, buildID: subject.buildID, repository: subject.repository, commit: subject.commit,
                                branch: subject.branch, secrets: scan.secrets))))
            }
            if !scan.vulnerabilities.isEmpty {
                effects.append(
                    .produce(
                        .vulnerabilities(
                            SecurityVulnerabilitiesFound(
                                scanID: context.runID, buildID: subject.buildID, repository: subject.repository, commit: subject.commit,
                                branch: subject.branch, vulnerabilities: scan.vulnerabilities))))
            }
            let completed = SecurityScanCompleted(
                scanID: context.runID, testID: subject.testID, buildID: subject.buildID, repository: subject.repository,
                commit: subject.commit, branch: subject.branch, author: subject.author, message: subject.message,
                artifact: subject.artifact, verdict: reasons.isEmpty ? .pass : .fail,
                findings: scan.secretCounts + scan.staticCounts + scan.dockerfileCounts + scan.dependencyCounts,
                reasons: reasons.map { String($0.prefix(1000)) }, sarifURL: scan.sarifURL, sbomURL: scan.sbomURL,
                durationSeconds: scan.durationSeconds)
            return effects + [.produce(.completed(completed))]
        }
    }
}

/// What is scanned: the same fields of both events that start a scan.
private struct ScanSubject {
    let testID: String
    let buildID: String
    let repository: String
    let commit: String
    let branch: String?
    let author: String?
    let message: String?
    let artifact: ArtifactReference

    init(_ event: Event) throws(Rejection) {
        switch event.type {
        case TestCompleted.type:
            let test = try event.decode(TestCompleted.self)
            (testID, buildID, repository, commit) = (test.testID, test.buildID, test.repository, test.commit)
            (branch, author, message, artifact) = (test.branch, test.author, test.message, test.artifact)
        case TestSkipped.type:
            let test = try event.decode(TestSkipped.self)
            (testID, buildID, repository, commit) = (test.testID, test.buildID, test.repository, test.commit)
            (branch, author, message, artifact) = (test.branch, nil, nil, test.artifact)
        default: throw .permanent("unexpected-event", "SecurityBot does not consume \(event.type)")
        }
    }
}
