import Envelopes
import Kafka
import Terminal

/// Follows one commit's run on the event topics, printing each event, until its goal.
final class Follower {
    enum Goal {
        /// The last environment has it, and MonitorBot has seen it healthy there.
        case deployed
        /// This event must come, and NotificationBot must tell of it.
        case stopped(EventType)
    }

    private let mesh: LocalMesh
    private let repository: String
    private let lastEnvironment: String
    private let reader: EventReader
    private let since = Timestamp.now
    private var correlationID: String?
    private var entries: [EventReader.Entry] = []

    init(mesh: LocalMesh, repository: String, lastEnvironment: String) throws {
        self.mesh = mesh
        self.repository = repository
        self.lastEnvironment = lastEnvironment
        reader = try EventReader(settings: mesh.settings, topics: mesh.eventTopics, from: .beginning)
    }

    func close() { reader.close() }

    /// Reads until the goal; a `CommandFailure` after three minutes, or when the run ended otherwise.
    func follow(until goal: Goal) throws -> [EventReader.Entry] {
        let line = EventLine(style: mesh.style)
        let deadline = ContinuousClock.now.advanced(by: .seconds(180))
        while ContinuousClock.now < deadline {
            try mesh.checkRunning()
            guard let entry = try reader.next(timeout: .milliseconds(200)) else { continue }
            guard belongs(entry) else { continue }
            entries.append(entry)
            Terminal.write(line.text(entry.envelope, entry.payload) + "\n", to: 1)
            if try isReached(goal) { return entries }
        }
        throw CommandFailure("the run did not get there within three minutes. The bots' logs: \(mesh.dataDirectory)/logs")
    }

    private func belongs(_ entry: EventReader.Entry) -> Bool {
        if correlationID == nil, entry.envelope.type == CodeCommitted.type, entry.envelope.timestamp >= since,
            entry.text("repository") == repository
        {
            correlationID = entry.envelope.correlationID
        }
        return entry.envelope.correlationID == correlationID
    }

    private func isReached(_ goal: Goal) throws -> Bool {
        func has(_ type: EventType, _ condition: (EventReader.Entry) -> Bool = { _ in true }) -> Bool {
            entries.contains { $0.envelope.type == type && condition($0) }
        }
        switch goal {
        case .deployed:
            if let stop = entries.first(where: {
                ["build.failed", "test.failed", "security.failed", "deploy.failed"].contains($0.envelope.type.name)
            }) {
                throw CommandFailure("the run stopped: \(stop.envelope.type): \(EventLine.detail(stop.envelope.type, stop.payload))")
            }
            return has("deploy.completed") { $0.text("environment") == self.lastEnvironment }
                && has("monitor.health_check_passed") { $0.text("environment") == self.lastEnvironment }
                && has("notification.sent") { $0.text("event_type") == "deploy.completed" }
        case .stopped(let type):
            return has(type) && has("notification.sent") { $0.text("event_type") == type.name }
        }
    }
}
