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
    /// What was read before the commit's own event: topics are read side by side, so the first may come last.
    private var early: [EventReader.Entry] = []

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
            for entry in belonging(entry) {
                entries.append(entry)
                Terminal.write(line.text(entry.envelope, entry.payload) + "\n", to: 1)
            }
            if try isReached(goal) { return entries }
        }
        throw CommandFailure("the run did not get there within three minutes. The bots' logs: \(mesh.dataDirectory)/logs")
    }

    /// Those entries of the run that can be told apart now that `entry` is known.
    private func belonging(_ entry: EventReader.Entry) -> [EventReader.Entry] {
        guard entry.envelope.timestamp >= since else { return [] }
        if let correlationID { return entry.envelope.correlationID == correlationID ? [entry] : [] }
        early.append(entry)
        guard entry.envelope.type == CodeCommitted.type, entry.text("repository") == repository else { return [] }
        correlationID = entry.envelope.correlationID
        defer { early = [] }
        return early.filter { $0.envelope.correlationID == correlationID }
            .sorted { ($0.envelope.timestamp, $0.offset) < ($1.envelope.timestamp, $1.offset) }
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
                && has("notification.sent") {
                    $0.text("event_type") == "deploy.completed" && $0.text("title")?.contains(self.lastEnvironment) == true
                }
        case .stopped(let type):
            return has(type) && has("notification.sent") { $0.text("event_type") == type.name }
        }
    }
}
