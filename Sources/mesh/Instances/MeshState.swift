import Envelopes
import Kafka
import Terminal

/// Instances and wishes, as the two topics have them. Confined to the thread that made it.
final class MeshState {
    private let instanceRecords: LastRecords<InstanceRecord>
    private let controlRecords: LastRecords<ControlRecord>

    /// Reads both topics to their ends.
    init(_ settings: ClientSettings) throws {
        controlRecords = try LastRecords(settings, topic: ControlRecord.topic)
        do {
            instanceRecords = try LastRecords(settings, topic: InstanceRecord.topic)
        } catch {
            controlRecords.close()
            throw error
        }
        do {
            try catchUp()
        } catch {
            close()
            throw error
        }
    }

    /// Reads to the ends as they are now.
    func catchUp() throws {
        try controlRecords.catchUp()
        try instanceRecords.catchUp()
    }

    /// Waits up to `timeout` for an instance's report.
    func follow(timeout: Duration) throws {
        try controlRecords.follow(timeout: .zero)
        try instanceRecords.follow(timeout: timeout)
    }

    func close() {
        instanceRecords.close()
        controlRecords.close()
    }

    var records: [String: InstanceRecord] { instanceRecords.values }
    var wishes: Wishes { Wishes(records: controlRecords.values) }

    /// Names of all bots that have run here, or that somebody has a wish for.
    var bots: Set<String> { Set(records.values.map(\.bot) + controlRecords.values.values.map(\.bot)) }

    /// What could not be read of the two topics, in words; nil when all could.
    var unreadable: String? {
        let counts = [(controlRecords.unreadable, ControlRecord.topic), (instanceRecords.unreadable, InstanceRecord.topic)]
        let words = counts.filter { $0.0 > 0 }.map { "\(counted($0.0, "record")) of \($0.1)" }
        return words.isEmpty ? nil : "\(words.joined(separator: " and ")) cannot be read, and left out"
    }

    func statuses(all: Bool = false, now: Timestamp = .now) -> [InstanceStatus] {
        InstanceStatus.list(records, wishes, now: now, all: all)
    }

    /// Throws for a name that no bot here has.
    func check(_ bot: String) throws {
        guard !bots.contains(bot) else { return }
        throw UsageError.unknown("bot", bot, among: bots)
    }
}
