import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// The records of one process form a chain; the first of them tells how it goes on from the one before.
@Suite struct AuditTrailTests {
    private struct Before: AuditTailSource {
        let answer: AuditTail
        func tail() -> AuditTail { answer }
    }

    private final class Sent {
        var records: [AuditRecord] = []
        var hasRoom = true

        func take(_ record: OutgoingRecord) -> Bool {
            guard hasRoom, let read = try? JSONCoder.decode(AuditRecord.self, from: record.value ?? []) else { return false }
            records.append(read)
            return true
        }
    }

    private func trail(after answer: AuditTail = .none) -> AuditTrail {
        AuditTrail(instance: "WorkBot-1", host: "h", pid: 1, startedAt: Timestamp(milliseconds: 0), before: Before(answer: answer))
    }

    private let entry = AuditEntry(action: "call.started", subject: "effort")

    @Test func recordsFormAChain() throws {
        var trail = trail()
        let sent = Sent()
        for number in 0..<5 { try trail.write(entry, at: Timestamp(milliseconds: Int64(number)), send: sent.take) }
        var previous = ""
        for (number, read) in sent.records.enumerated() {
            #expect(read.sequence == number)
            #expect(read.previousHash == previous)
            #expect(read.link == (number == 0 ? .first : nil))
            #expect(try read.expectedHash() == read.hash)
            var forged = read
            forged.subject = "other"
            #expect(try forged.expectedHash() != read.hash)
            previous = read.hash
        }
        #expect(sent.records.count == 5)
    }

    @Test func aRestartGoesOnFromTheLastHash() throws {
        let sent = Sent()
        var trail = trail(after: .last(hash: "abc"))
        for _ in 0..<2 { try trail.write(entry, at: .now, send: sent.take) }
        #expect(sent.records.map(\.previousHash) == ["abc", sent.records[0].hash])
        #expect(sent.records.map(\.link) == [.continued, nil])
    }

    @Test func whatCouldNotBeReadIsSaid() throws {
        let sent = Sent()
        var trail = trail(after: .unknown)
        try trail.write(entry, at: .now, send: sent.take)
        #expect(sent.records.map(\.link) == [.unknown])
        #expect(sent.records.map(\.previousHash) == [""])
    }

    @Test func aRecordWithoutRoomIsCountedAndBreaksNothing() throws {
        let sent = Sent()
        var trail = trail()
        try trail.write(entry, at: .now, send: sent.take)
        sent.hasRoom = false
        for _ in 0..<3 { try trail.write(entry, at: .now, send: sent.take) }
        sent.hasRoom = true
        for _ in 0..<2 { try trail.write(entry, at: .now, send: sent.take) }
        #expect(sent.records.map(\.sequence) == [0, 1, 2])
        #expect(sent.records.map(\.lost) == [nil, 3, nil])
        #expect(sent.records[1].previousHash == sent.records[0].hash)
    }
}
