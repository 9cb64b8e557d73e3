import Envelopes
import Kafka
import Telemetry

/// The audit records of this process: one hash chain, linked to the last one of the same instance. Confined to the engine's thread.
struct AuditTrail {
    private let actor: String
    private let chain: String
    private let before: any AuditTailSource
    private var sequence = 0
    private var previousHash = ""
    private var lost = 0
    /// What `before` answered.
    private var known: AuditTail?

    /// The chain's name tells process and start apart. `before` is asked once, at the first record.
    init(instance: String, host: String, pid: Int32, startedAt: Timestamp, before: any AuditTailSource) {
        actor = instance
        chain = "\(instance)/\(host)/\(pid)/\(startedAt.text)"
        self.before = before
    }

    /// Makes the record and hands it to `send`. One that `send` refuses is in no chain: the next one counts it as lost.
    mutating func write(_ entry: AuditEntry, at now: Timestamp, send: (OutgoingRecord) -> Bool) throws {
        let tail: AuditTail? = sequence == 0 ? known ?? before.tail() : nil
        known = tail
        let record = try AuditRecord(
            actor: actor, chain: chain, sequence: sequence, action: entry.action, subject: entry.subject, outcome: entry.outcome,
            code: entry.code, runID: entry.runID, correlationID: entry.correlationID, idempotencyKey: entry.idempotencyKey,
            isRepeat: entry.isRepeat, durationSeconds: entry.durationSeconds, result: entry.result, replay: entry.replay, at: now.text,
            link: tail?.link, lost: lost > 0 ? lost : nil
        ).sealed(after: tail?.hash ?? previousHash)
        guard send(OutgoingRecord(topic: AuditRecord.topic, key: Array(record.key.utf8), value: try JSONCoder.bytes(record))) else {
            lost += 1
            return
        }
        lost = 0
        sequence += 1
        previousHash = record.hash
    }
}

/// Who knows how the chain before ended.
protocol AuditTailSource: Sendable {
    /// May wait for a moment.
    func tail() -> AuditTail
}

/// Looks for the instance's last audit record while the process starts.
struct AuditTailReader: AuditTailSource {
    private let answer = BlockingQueue<AuditTail>()

    /// How long the first record waits for the answer, when a process has something to write at once. Nothing is polled meanwhile, so it is short.
    private static let patience: Duration = .seconds(1)

    init(client: ClientSettings, actor: String, logger: Logger) {
        let answer = answer
        DedicatedThread.start(name: "audit-tail") {
            do {
                answer.put(try AuditTail.find(actor: actor, client, limit: .seconds(10)))
            } catch {
                logger.warn("how the audit of \(actor) ended before cannot be read: \(error); its new chain says so")
                answer.put(.unknown)
            }
        }
    }

    func tail() -> AuditTail {
        if case .element(let tail) = answer.take(limit: Self.patience) { tail } else { .unknown }
    }
}
