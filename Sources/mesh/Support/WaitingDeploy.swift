import Envelopes
import Kafka

/// A deploy that was asked for and is neither begun nor refused.
struct WaitingDeploy {
    /// DeployBot's run id of the request: derived from it, so it is known without asking DeployBot.
    let id: String
    let environment: String
    let commit: String
    let correlationID: String

    /// Finds it by its id, or by the id's first eight or more characters; a `CommandFailure` names those that wait.
    static func find(_ id: String, _ settings: ClientSettings) throws -> WaitingDeploy {
        let entries = try EventReader.all(
            of: ["deploy.requested", "deploy.approved", "deploy.started", "deploy.rejected", "deploy.failed", "deploy.completed"], settings)
        let decided = Set(entries.filter { $0.envelope.type != DeployRequested.type }.compactMap { $0.text("deploy_id") })
        let requests = entries.filter { $0.envelope.type == DeployRequested.type }.map(WaitingDeploy.init)
        if let wanted = requests.last(where: { $0.id == id || (id.count >= 8 && $0.id.hasPrefix(id)) }) {
            guard !decided.contains(wanted.id) else { throw CommandFailure("deploy \(wanted.id) is decided already") }
            return wanted
        }
        let open = requests.filter { !decided.contains($0.id) }.suffix(5).map { "\($0.id) (\($0.environment), \($0.commit.prefix(8)))" }
        throw CommandFailure(
            "no deploy \(id) was asked for. " + (open.isEmpty ? "None waits." : "Waiting: \(open.joined(separator: ", "))"))
    }

    private init(_ entry: EventReader.Entry) {
        id = RunID.derived(event: entry.envelope.id, bot: "DeployBot", replay: entry.envelope.replay)
        environment = entry.text("environment") ?? ""
        commit = entry.text("commit") ?? ""
        correlationID = entry.envelope.correlationID
    }
}
