import BotKit
import LoopbackPorts

/// `deploy.trial`: an instance of the release on a spare port, beside the live one; it is ended again whatever comes out.
public struct TryRelease: CallPerformer {
    private let tools: DeployTools

    public init(_ tools: DeployTools) { self.tools = tools }

    public func perform(_ request: DeployTrial, _ context: CallContext) async throws(CallFailure) -> DeployReport {
        try tools.checkName(request.deployID)
        guard var service = request.target.service, let port = service.port, let health = request.target.health else {
            return DeployReport(passed: true)
        }
        let directory = try tools.directory(request.target)
        let lock = try await tools.lock(directory)
        defer { withExtendedLifetime(lock) {} }
        let name = request.target.environment + ServiceRecord.trialSuffix
        let stopTimeLimit = service.stopTimeLimit
        let spare: Int
        do throws(NoFreePort) {
            spare = Int(try FreePort.choose())
        } catch {
            throw CallFailure(.transient, code: "no-port", message: "\(error)")
        }
        guard let moved = health.moved(from: port, to: spare) else { return DeployReport(passed: true) }
        service.port = spare
        tools.say("starting the release on port \(spare)", "trial", context)
        let outcome: Result<DeployReport, CallFailure>
        do throws(CallFailure) {
            outcome = .success(try await attempt(request, directory, service, moved, name, context))
        } catch {
            outcome = .failure(error)
        }
        try await tools.blocking { [services = tools.services] in try services.stop(name, within: stopTimeLimit) }
        return try outcome.get()
    }

    private func attempt(
        _ request: DeployTrial, _ directory: ReleaseDirectory, _ service: ServiceSettings, _ health: HealthSettings, _ name: String,
        _ context: CallContext
    ) async throws(CallFailure) -> DeployReport {
        let path = directory.path(of: request.deployID)
        let services = tools.services
        _ = try await tools.blocking {
            try services.ensure(name, service, environment: request.target.environment, release: request.deployID, path: path)
        }
        if let problem = try await tools.probe.waitUntilHealthy(
            health, while: { () throws(FileError) in try services.running(name) != nil })
        {
            return try await failed(problem, name)
        }
        tools.say("healthy on the spare port", "trial", context)
        let smoke = try await tools.smoke(
            request.target, release: request.deployID, path: path, url: health.url, port: service.port, context: context,
            when: "before the switch")
        guard smoke.passed else { return smoke }
        if request.watch > .zero {
            tools.say("watching the canary for \(request.watch)", "trial", context)
            if let problem = try await tools.probe.watch(health, for: request.watch) { return try await failed(problem, name) }
        }
        return DeployReport(passed: true)
    }

    private func failed(_ problem: String, _ name: String) async throws(CallFailure) -> DeployReport {
        let tail = try await tools.blocking { [services = tools.services] in try services.tail(name) }
        return DeployReport(passed: false, reason: "the trial instance: \(problem)", outputTail: tail)
    }
}
