import BotKit
import Envelopes

/// `deploy.prepare`: the artifact becomes a release beside the live one.
public struct PrepareRelease: CallPerformer {
    private let tools: DeployTools
    private let store: any ArtifactStore

    public init(_ tools: DeployTools, store: any ArtifactStore) {
        self.tools = tools
        self.store = store
    }

    public func perform(_ request: DeployPrepare, _ context: CallContext) async throws(CallFailure) -> DeployReport {
        try tools.checkName(request.deployID)
        let directory = try tools.directory(request.target)
        let lock = try await tools.lock(directory)
        defer { withExtendedLifetime(lock) {} }
        if !directory.has(request.deployID) {
            tools.say("fetching \(request.artifact.sizeBytes) bytes, \(request.artifact.sha256.prefix(12))", "prepare", context)
            try await tools.blocking { try directory.beginRelease(request.deployID) }
            try await store.unpack(request.artifact, into: directory.partialPath(of: request.deployID))
            try await tools.blocking { try directory.finishRelease(request.deployID) }
        }
        tools.say("release \(request.deployID) is in place", "prepare", context)
        // With a service the smoke test needs its URL: it runs in the trial and after the switch.
        guard request.target.service == nil else { return DeployReport(passed: true) }
        return try await tools.smoke(
            request.target, release: request.deployID, path: directory.path(of: request.deployID), url: nil, port: nil, context: context,
            when: "before the switch")
    }
}
