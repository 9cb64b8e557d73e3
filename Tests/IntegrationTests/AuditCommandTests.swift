import Envelopes
import Kafka
import LocalBroker
import MeshTesting
import Testing

/// `mesh audit verify` on a broker whose topic somebody has meddled with: each harm is named by partition and offset.
@Suite(.serialized) struct AuditCommandTests {
    private static func chain(_ actor: String, _ count: Int, link: AuditRecord.Link = .first, after previous: String = "") throws
        -> [AuditRecord]
    {
        var hash = previous
        return try (0..<count).map { number in
            let record = try AuditRecord(
                actor: actor, chain: "\(actor)/\(link.rawValue)", sequence: number, action: "call.started", subject: "build.run",
                correlationID: "run-\(number)", at: "2026-01-02T03:04:0\(number).000Z", link: number == 0 ? link : nil
            ).sealed(after: hash)
            hash = record.hash
            return record
        }
    }

    private static func outgoing(_ records: [AuditRecord], _ partition: Int32) throws -> [OutgoingRecord] {
        try records.map {
            OutgoingRecord(topic: AuditRecord.topic, partition: partition, key: Array($0.actor.utf8), value: try JSONCoder.bytes($0))
        }
    }

    @Test func eachHarmIsNamedByPartitionAndOffset() async throws {
        let broker = try await DedicatedThread.run(name: "broker") { try BrokerFixture.makeLocal() }
        defer { broker.kill() }
        let directory = try TemporaryDirectory.make(prefix: "mesh-audit")
        func mesh(_ arguments: String...) async throws -> Programs.Answer {
            try await Programs.run(
                try Programs.mesh, arguments + ["--brokers", broker.bootstrapServers, "--data-dir", directory], log: directory + "/log")
        }
        let settings = broker.settings
        func produce(_ records: [OutgoingRecord], aborted: Bool = false) async throws {
            try await DedicatedThread.run(name: "produce") {
                let wanted = ProducerSettings(transactionalID: aborted ? "test" : nil, transactionTimeout: .seconds(60))
                let producer = try Producer(settings, wanted)
                defer { producer.close() }
                guard aborted else {
                    _ = try producer.sendAndWait(records)
                    return
                }
                try producer.initTransactions(timeout: .seconds(120))
                try producer.beginTransaction()
                for record in records { try producer.send(record) }
                try producer.flush(timeout: .seconds(120))
                try producer.abortTransaction(timeout: .seconds(120))
            }
        }
        #expect(try await mesh("audit", "verify").text.contains("mesh topics apply"))
        try await DedicatedThread.run(name: "topic") {
            let admin = try AdminClient(settings)
            defer { admin.close() }
            try admin.createTopics([NewTopic(name: AuditRecord.topic, partitions: 6)]).check()
        }

        // A process, an aborted transaction in its middle, and its restart: nothing is wrong.
        let first = try Self.chain("BuildBot-1", 3)
        try await produce(try Self.outgoing(first, 0))
        try await produce(try Self.outgoing(first, 0), aborted: true)
        try await produce(try Self.outgoing(try Self.chain("BuildBot-1", 2, link: .continued, after: first[2].hash), 0))
        let whole = try await mesh("audit", "verify")
        #expect(whole.status == .exited(0), "\(whole.text)")
        #expect(whole.text == "5 records in 2 chains of 1 actor: unbroken\n")
        let list = try await mesh("audit", "--actor", "BuildBot", "--correlation", "run-1", "--format", "json")
        #expect(list.text.split(separator: "\n").count == 2, "\(list.text)")
        let nearest = try await mesh("audit", "--actor", "BuildBto")
        #expect(nearest.status == .exited(2) && nearest.text.contains("BuildBot"), "\(nearest.text)")

        // One harm for each partition.
        var altered = try Self.chain("TestBot-1", 3)
        altered[1].subject = "nothing"
        var missing = try Self.chain("DeployBot-1", 4)
        missing.remove(at: 2)
        var moved = try Self.chain("MonitorBot-1", 4)
        moved.swapAt(1, 2)
        let cut = try Self.chain("SecurityBot-1", 3)
        let next = try Self.chain("SecurityBot-1", 1, link: .continued, after: cut[2].hash)
        for (partition, records) in [(1, altered), (2, missing), (3, moved), (4, cut.dropLast() + next)] as [(Int32, [AuditRecord])] {
            try await produce(try Self.outgoing(records, partition))
        }
        let broken = try await mesh("audit", "verify")
        #expect(broken.status == .exited(1))
        for line in [
            "mesh.audit[1]@1 (TestBot-1): altered", "mesh.audit[2]@2 (DeployBot-1): missing: number 2 is missing before it",
            "mesh.audit[3]@1 (MonitorBot-1): missing", "mesh.audit[3]@2 (MonitorBot-1): reordered",
            "mesh.audit[4]@2 (SecurityBot-1): missing: the last record of the chain before it is missing",
        ] { #expect(broken.text.contains(line), "\(line) is not in:\n\(broken.text)") }
        #expect(!broken.text.contains("mesh.audit[0]"))
        let rows = try await mesh("audit", "verify", "--format", "json").text.split(separator: "\n")
        let summary = try JSONValue.parse(Array(try #require(rows.last).utf8))
        #expect(summary["problems"]?.integer == 5)
        #expect(rows.count == 6)
    }
}
