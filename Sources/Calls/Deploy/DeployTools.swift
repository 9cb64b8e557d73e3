import BotKit
import Envelopes
import Synchronization

/// What the performers of directory deploys share. Build one for a process.
public struct DeployTools: Sendable {
    let dataDirectory: String
    let sandbox: Sandbox
    let services: ServiceSupervisor
    let probe: HealthProbe
    let now: @Sendable () -> Timestamp
    private let lockTimeLimit: Duration
    /// nil: nobody starts services again that have ended.
    private let keeper: ServiceKeeper?

    /// - Parameters:
    ///   - dataDirectory: targets without a path lie in `environments/<name>` below it, services' records in `services`.
    ///   - lockTimeLimit: how long a call waits for another process to leave the environment.
    ///   - keepsServices: services that have ended by themselves are started again as long as the tools live.
    ///   - now: what the history says.
    public init(
        dataDirectory: String, sandbox: Sandbox, clock: any Clock<Duration> = ContinuousClock(), lockTimeLimit: Duration = .seconds(10),
        keepsServices: Bool = false, now: @escaping @Sendable () -> Timestamp
    ) {
        self.lockTimeLimit = lockTimeLimit
        self.dataDirectory = dataDirectory
        self.sandbox = sandbox
        services = ServiceSupervisor(dataDirectory: dataDirectory, sandbox: sandbox)
        // Health URLs come from the configuration, never from an event: its author may name what lies on this machine.
        probe = HealthProbe(client: HTTPClient(policy: .anywhere), clock: clock)
        self.now = now
        keeper = keepsServices ? ServiceKeeper(dataDirectory: dataDirectory, services: services, clock: clock) : nil
    }

    func directory(_ target: DirectoryTarget) throws(CallFailure) -> ReleaseDirectory {
        do {
            return try ReleaseDirectory(root: target.path ?? "\(dataDirectory)/environments/\(target.environment)")
        } catch {
            throw error.failure
        }
    }

    /// Takes the environment's lock; a transient failure when another process of this machine goes on working on it, e.g. one that was
    /// replaced and does not know it yet.
    func lock(_ directory: ReleaseDirectory) async throws(CallFailure) -> DirectoryLock {
        let start = ContinuousClock.now
        while true {
            do {
                if let lock = try DirectoryLock("\(directory.root)/.lock") { return lock }
            } catch {
                throw error.failure
            }
            guard ContinuousClock.now - start < lockTimeLimit else {
                throw CallFailure(.transient, code: "environment-busy", message: "another process works on \(directory.root)")
            }
            do {
                try await probe.clock.sleep(for: .milliseconds(50))
            } catch {
                throw CallFailure(.cancelled, code: "cancelled", message: "the deploy was cancelled")
            }
        }
    }

    func checkName(_ release: String) throws(CallFailure) {
        guard ReleaseDirectory.isLegal(release) else {
            throw CallFailure(.permanent, code: "bad-release-name", message: "a release's name has letters, digits, '-' and '_' only")
        }
    }

    /// Runs blocking work on a thread of its own, with errors as the failure of a call.
    func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws(CallFailure) -> Value {
        let result = await onOwnThread { () -> Result<Value, CallFailure> in
            do {
                return .success(try work())
            } catch let error as CallFailure {
                return .failure(error)
            } catch let error as FileError {
                return .failure(error.failure)
            } catch let error as ChildError {
                return .failure(error.failure)
            } catch {
                return .failure(CallFailure(.permanent, code: "unexpected", message: "\(error)"))
            }
        }
        return try result.get()
    }

    /// Runs the smoke command against a release. Passes when there is none.
    func smoke(
        _ target: DirectoryTarget, release: String, path: String, url: String?, port: Int?, context: CallContext, when: String
    ) async throws(CallFailure) -> DeployReport {
        guard let smoke = target.smokeCommand else { return DeployReport(passed: true) }
        let home = "\(dataDirectory)/workspaces/\(release).smoke"
        try await blocking { try Files.makeDirectories(home) }
        var environment = ["RELEASE": release, "ENVIRONMENT": target.environment]
        if let url { environment["URL"] = url }
        if let port { environment["PORT"] = String(port) }
        let command = SandboxedCommand(
            smoke, workspace: path, home: home, environment: environment, hasNetwork: url != nil,
            limits: SandboxLimits(time: target.smokeTimeLimit, memoryBytes: 2 << 30, outputBytes: 4 << 20))
        let result: ChildResult
        do {
            result = try await sandbox.run(command) { stream, text in
                context.log(LogLine(step: "smoke \(when)", stream: stream, text: text))
            }
        } catch {
            throw error.failure
        }
        try await blocking { [self] in try directory(target).removeTree(home) }
        if result.ending == .cancelled { throw CallFailure(.cancelled, code: "cancelled", message: "the smoke test was cancelled") }
        return DeployReport(
            passed: result.isSuccess, reason: result.isSuccess ? nil : "the smoke test \(when) failed: \(result.reason)",
            outputTail: Array(result.tail.suffix(50)))
    }

    func say(_ text: String, _ step: String, _ context: CallContext) { context.log(LogLine(step: step, stream: .mesh, text: text)) }
}
