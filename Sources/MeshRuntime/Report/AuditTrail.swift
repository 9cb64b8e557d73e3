import Envelopes
import Kafka

/// The audit records of this process: one hash chain. Confined to the engine's thread.
struct AuditTrail {
    private let actor: String
    private let chain: String
    private var sequence = 0
    private var previousHash = ""

    /// The chain's name tells process and start apart.
    init(instance: String, host: String, pid: Int32, startedAt: Timestamp) {
        actor = instance
        chain = "\(instance)/\(host)/\(pid)/\(startedAt.text)"
    }

    mutating func record(_ entry: AuditEntry, at now: Timestamp) throws -> OutgoingRecord {
        let record = try AuditRecord(
            actor: actor, chain: chain, sequence: sequence, action: entry.action, subject: entry.subject, outcome: entry.outcome,
            code: entry.code, runID: entry.runID, correlationID: entry.correlationID, idempotencyKey: entry.idempotencyKey,
            isRepeat: entry.isRepeat, durationSeconds: entry.durationSeconds, at: now.text
        ).sealed(after: previousHash)
        sequence += 1
        previousHash = record.hash
        return OutgoingRecord(topic: AuditRecord.topic, key: Array(record.key.utf8), value: try JSONCoder.bytes(record), headers: [])
    }
}
