import Envelopes
import Kafka
import MeshTesting
import Testing

@testable import MeshRuntime

/// Where a chain of hashes goes on, read from a real topic.
@Suite(.serialized) struct AuditTailTests {
    private func record(_ actor: String, _ number: Int) throws -> (record: OutgoingRecord, hash: String) {
        let audit = try AuditRecord(
            actor: actor, chain: "\(actor)/1", sequence: number, action: "call.started", subject: "effort", at: "2026-01-02T03:04:05.000Z"
        ).sealed(after: "")
        return (OutgoingRecord(topic: AuditRecord.topic, key: Array(actor.utf8), value: try JSONCoder.bytes(audit)), audit.hash)
    }

    @Test func itIsTheLastCommittedRecordHoweverFarBack() async throws {
        let broker = try await BrokerFixture.shared()
        try await broker.makeTopics([NewTopic(name: AuditRecord.topic, partitions: 1)])
        let (silent, busy) = (broker.uniqueName("silent"), broker.uniqueName("busy"))
        let last = try record(silent, 1)
        let settings = broker.settings
        let noise = try (0..<3_000).map { try record(busy, $0) }
        let (none, found, noisy) = try await DedicatedThread.run(name: "audit") {
            let none = try AuditTail.find(actor: silent, settings, limit: .seconds(30))
            let producer = try Producer(settings, ProducerSettings(transactionalID: silent, transactionTimeout: .seconds(30)))
            defer { producer.close() }
            try producer.initTransactions(timeout: .seconds(30))
            func write(_ records: [OutgoingRecord], isKept: Bool) throws {
                try producer.beginTransaction()
                for record in records { try producer.send(record, patience: .seconds(10)) }
                try producer.flush(timeout: .seconds(30))
                if isKept {
                    try producer.commitTransaction(timeout: .seconds(30))
                } else {
                    try producer.abortTransaction(timeout: .seconds(30))
                }
            }
            try write([try record(silent, 0).record, last.record], isKept: true)
            // What was given up never was.
            try write([try record(silent, 2).record], isKept: false)
            try write(noise.map(\.record), isKept: true)
            return (
                none, try AuditTail.find(actor: silent, settings, limit: .seconds(30)),
                try AuditTail.find(actor: busy, settings, limit: .seconds(30))
            )
        }
        #expect(none == .none)
        #expect(found == .last(hash: last.hash))
        #expect(noisy == .last(hash: try #require(noise.last).hash))
    }
}
