import BotKit

/// `deploy.switch`: the release becomes the live one, and its service the one that answers.
public struct SwitchRelease: CallPerformer {
    private let tools: DeployTools

    public init(_ tools: DeployTools) { self.tools = tools }

    public func perform(_ request: DeploySwitch, _ context: CallContext) async throws(CallFailure) -> DeploySwitch.Response {
        try tools.checkName(request.deployID)
        let target = request.target
        let directory = try tools.directory(target)
        let lock = try await tools.lock(directory)
        defer { withExtendedLifetime(lock) {} }
        guard directory.has(request.deployID) else {
            throw CallFailure(.permanent, code: "no-release", message: "release \(request.deployID) is not in \(directory.root)")
        }
        let (services, now) = (tools.services, tools.now)
        let previous = try await tools.blocking { () throws -> String? in
            let previous = try directory.makeLive(request.deployID)
            if let service = target.service {
                _ = try services.ensure(
                    target.environment, service, environment: target.environment, release: request.deployID,
                    path: directory.path(of: request.deployID))
            }
            try directory.note(
                ReleaseDirectory.HistoryEntry(
                    deployID: request.deployID, change: .live, repository: request.repository, commit: request.commit, at: now().text,
                    reason: nil, emergencyReason: request.emergencyReason))
            try directory.prune(keeping: target.keptReleases)
            return previous
        }
        tools.say("\(request.deployID) is live, before it \(previous ?? "nothing")", "switch", context)
        return DeploySwitch.Response(previousRelease: previous)
    }
}

/// `deploy.verify`: is the live release what it should be?
public struct VerifyRelease: CallPerformer {
    private let tools: DeployTools

    public init(_ tools: DeployTools) { self.tools = tools }

    public func perform(_ request: DeployVerify, _ context: CallContext) async throws(CallFailure) -> DeployReport {
        let directory = try tools.directory(request.target)
        let health = try await tools.checkHealth(of: request.target, context)
        guard health.passed, request.target.smokeCommand != nil else { return health }
        return try await tools.smoke(
            request.target, release: request.deployID, path: directory.path(of: request.deployID), url: request.target.health?.url,
            port: request.target.service?.port, context: context, when: "after the switch")
    }
}

/// `deploy.revert`: an earlier release becomes the live one again.
public struct RevertRelease: CallPerformer {
    private let tools: DeployTools

    public init(_ tools: DeployTools) { self.tools = tools }

    public func perform(_ request: DeployRevert, _ context: CallContext) async throws(CallFailure) -> DeployReport {
        let target = request.target
        let directory = try tools.directory(target)
        let lock = try await tools.lock(directory)
        defer { withExtendedLifetime(lock) {} }
        if let release = request.release {
            try tools.checkName(release)
            guard directory.has(release) else {
                throw CallFailure(.permanent, code: "no-release", message: "release \(release) is no longer in \(directory.root)")
            }
        }
        let (services, now) = (tools.services, tools.now)
        try await tools.blocking {
            try directory.goBack(to: request.release)
            if let service = target.service {
                if let release = request.release {
                    _ = try services.ensure(
                        target.environment, service, environment: target.environment, release: release, path: directory.path(of: release))
                } else {
                    try services.stop(target.environment, within: service.stopTimeLimit)
                }
            }
            try directory.note(
                ReleaseDirectory.HistoryEntry(
                    deployID: request.deployID, change: .rolledBack, repository: nil, commit: nil, at: now().text, reason: request.reason,
                    emergencyReason: nil))
        }
        tools.say("went back to \(request.release ?? "nothing")", "revert", context)
        guard request.release != nil else { return DeployReport(passed: true) }
        return try await tools.checkHealth(of: target, context)
    }
}

extension DeployTools {
    /// Waits for the live service to be healthy; without a health URL its process must be there.
    func checkHealth(of target: DirectoryTarget, _ context: CallContext) async throws(CallFailure) -> DeployReport {
        let services = services
        let name = target.environment
        let hasService = target.service != nil
        func isAlive() throws(FileError) -> Bool {
            if !hasService { return true }
            return try services.running(name) != nil
        }
        var problem: String?
        if let health = target.health {
            problem = try await probe.waitUntilHealthy(health, while: isAlive)
        }
        if problem == nil {
            let alive = try await blocking { hasService ? try services.running(name) != nil : true }
            if !alive { problem = "the service ended by itself" }
        }
        guard let problem else {
            if let health = target.health { say("healthy at \(health.url)", "verify", context) }
            return DeployReport(passed: true)
        }
        let tail = try await blocking { hasService ? try services.tail(name) : [] }
        return DeployReport(passed: false, reason: problem, outputTail: tail)
    }
}
