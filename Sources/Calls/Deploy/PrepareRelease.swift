import BotKit
import Envelopes

/// Fetches an artifact, checks its digest, and unpacks it into a directory.
public protocol ReleaseUnpacking: Sendable {
    /// `directory` exists and is empty.
    func unpack(_ artifact: ArtifactReference, into directory: String) async throws(CallFailure)
}

/// `deploy.prepare`: the artifact becomes a release beside the live one.
public struct PrepareRelease: CallPerformer {
    private let tools: DeployTools
    private let unpacker: any ReleaseUnpacking

    public init(_ tools: DeployTools, unpacker: any ReleaseUnpacking) {
        self.tools = tools
        self.unpacker = unpacker
    }

    public func perform(_ request: DeployPrepare, _ context: CallContext) async throws(CallFailure) -> DeployReport {
        try tools.checkName(request.deployID)
        let directory = try tools.directory(request.target)
        let lock = try tools.lock(directory)
        defer { withExtendedLifetime(lock) {} }
        if !directory.has(request.deployID) {
            tools.say("fetching \(request.artifact.sizeBytes) bytes, \(request.artifact.sha256.prefix(12))", "prepare", context)
            try await tools.blocking { try directory.beginRelease(request.deployID) }
            try await unpacker.unpack(request.artifact, into: directory.partialPath(of: request.deployID))
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
