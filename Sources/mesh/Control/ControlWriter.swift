import Envelopes
import Kafka

/// Writes desired state to `mesh.control`, and what was done to `mesh.audit`; waits until the broker has both.
struct ControlWriter {
    let settings: ClientSettings
    /// Who asks.
    let person: String

    /// Writes what `changes` need beyond `wishes`, and gives the wishes as they are then.
    func write(_ changes: [(target: Target, change: Change)], over wishes: Wishes, now: Timestamp = .now) throws -> Wishes {
        var wishes = wishes
        var records: [OutgoingRecord] = []
        var audits: [OutgoingRecord] = []
        var audit = PersonAudit(person: person, settings)
        for (target, change) in changes {
            for (key, record) in wishes.records(for: change, of: target, by: person, at: now.text) {
                wishes.records[key] = record
                records.append(
                    OutgoingRecord(
                        topic: ControlRecord.topic, key: Array(key.utf8), value: try record.map { try JSONCoder.bytes($0) }))
            }
            audits.append(
                try audit.record(action: change.action, subject: target.description + change.argument, at: now))
        }
        let producer = try Producer(settings, observer: .quiet)
        defer { producer.close(timeout: .seconds(5)) }
        _ = try AuditedWrite.send(records, audit: audits, producer) { code in
            try changes.map { try audit.record(action: $1.action, subject: $0.description + $1.argument, refusal: code) }
        }
        return wishes
    }
}
