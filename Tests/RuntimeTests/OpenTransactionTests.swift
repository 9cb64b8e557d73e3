import Kafka
import MeshTesting
import Telemetry
import Testing

@testable import MeshRuntime

/// A state partition in which a transaction is not decided when its restoration begins.
@Suite struct OpenTransactionTests {
    /// Decides the transaction as soon as a record was read.
    private struct Deciding: StateLog {
        let log: ConsumerStateLog
        let decide: () throws -> Void

        func bounds(of number: Int32) throws -> Watermarks { try log.bounds(of: number) }

        func read(_ starts: [Int32: Int64], to ends: [Int32: Int64], until isEnough: () -> Bool, _ body: (Record) -> Reading) throws {
            var isDecided = false
            var failure: (any Error)?
            try log.read(starts, to: ends, until: isEnough) { record in
                do { if !isDecided { try decide() } } catch { failure = error }
                isDecided = true
                return body(record)
            }
            if let failure { throw failure }
        }
    }

    @Test(arguments: [true, false]) func itsDecisionIsWaitedFor(isCommitted: Bool) async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic("state")
        let settings = broker.settings
        let state = try await DedicatedThread.run(name: "restore") {
            // No marker stands between it and the open transaction.
            func record(_ value: String) -> OutgoingRecord {
                OutgoingRecord(topic: topic, partition: 0, key: [1], value: Array(value.utf8))
            }
            let plain = try Producer(settings)
            _ = try plain.sendAndWait([record("before")])
            plain.close()
            let producer = try Producer(settings, ProducerSettings(transactionalID: topic, transactionTimeout: .seconds(60)))
            defer { producer.close() }
            try producer.initTransactions(timeout: .seconds(30))
            try producer.beginTransaction()
            try producer.send(record("after"))
            try producer.flush(timeout: .seconds(30))
            let consumer = try Consumer(settings, group: .none(reportsPartitionEnd: true))
            let ends = try Consumer(settings, group: .none(isolation: .readUncommitted))
            defer { for one in [consumer, ends] { one.close() } }
            let scan = PartitionScan(consumer: consumer, progress: RestoreProgress(), logger: Logger(bot: "Test", level: .error))
            let log = Deciding(log: ConsumerStateLog(topic: topic, scan: scan, ends: ends)) {
                if isCommitted {
                    try producer.commitTransaction(timeout: .seconds(30))
                } else {
                    try producer.abortTransaction(timeout: .seconds(30))
                }
            }
            return try StateReader(topic: topic, snapshots: nil).read([0], log, at: 0)
        }
        #expect(state[0]?[[1]].map { String(decoding: $0, as: UTF8.self) } == (isCommitted ? "after" : "before"))
    }
}
