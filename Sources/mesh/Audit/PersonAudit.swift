import Envelopes
import Kafka
import MeshRuntime

/// The audit of what a person does by one command: a chain of its own, linked to the last record of the same person.
///
/// What is written in a transaction becomes part of the chain when that has committed: an aborted one leaves no gap.
struct PersonAudit {
    let person: String
    private let chain: String
    private let tail: AuditTail
    private var sequence = 0
    private var previousHash: String
    private var open: [AuditRecord] = []

    /// Looks for the person's last record; where that cannot be read, the chain's first record says so.
    init(person: String, _ settings: ClientSettings) {
        var random = SystemRandomNumberGenerator()
        let tail = (try? AuditTail.find(actor: person, settings, limit: .seconds(5))) ?? .unknown
        self.init(person: person, command: EventID(random: &random).text, after: tail)
    }

    /// `command` tells this run of a command apart from every other.
    init(person: String, command: String, after tail: AuditTail) {
        self.person = person
        chain = "\(person)/\(command)"
        self.tail = tail
        previousHash = tail.hash
    }

    /// Whether the record is of such a chain. Instances are one process at a time, and name their chains otherwise.
    static func isChainOfCommand(_ record: AuditRecord) -> Bool {
        guard record.chain.hasPrefix("\(record.actor)/") else { return false }
        return UniqueID(String(record.chain.dropFirst(record.actor.count + 1))) != nil
    }

    /// The next record. It counts when `commit` follows, and never was when `abort` does. `refusal` is why it was not done: a code; nil where it was.
    mutating func record(
        action: String, subject: String, refusal: String? = nil, correlationID: String? = nil, replay: String? = nil,
        at now: Timestamp = .now
    ) throws -> OutgoingRecord {
        let number = sequence + open.count
        let audit = try AuditRecord(
            actor: person, chain: chain, sequence: number, action: action, subject: subject,
            outcome: refusal == nil ? "success" : AuditRecord.refused, code: refusal, correlationID: correlationID,
            replay: replay, at: now.text, link: number == 0 ? tail.link : nil
        ).sealed(after: open.last?.hash ?? previousHash)
        open.append(audit)
        return OutgoingRecord(topic: AuditRecord.topic, key: Array(audit.key.utf8), value: try JSONCoder.bytes(audit))
    }

    mutating func commit() {
        sequence += open.count
        previousHash = open.last?.hash ?? previousHash
        open = []
    }

    mutating func abort() { open = [] }
}
