import Envelopes
import Testing

@testable import MeshRuntime
@testable import mesh

/// Every way to harm a chain is found, at the record where it shows; and what restarts, retention and killed processes do is none.
@Suite struct AuditVerifierTests {
    /// Writes chains as processes do.
    private struct Writer {
        var records: [AuditRecord] = []

        /// A process of `actor` that writes so many records.
        mutating func run(
            _ count: Int, of actor: String = "BuildBot-1", link: AuditRecord.Link? = nil, previous: String? = nil, lost: Int? = nil
        ) throws {
            let last = records.last { $0.actor == actor }
            var hash = previous ?? last?.hash ?? ""
            let start = link ?? (last == nil ? .first : .continued)
            if start != .continued { hash = "" }
            for number in 0..<count {
                let record = try AuditRecord(
                    actor: actor, chain: "\(actor)/\(records.count - number)", sequence: number, action: "call.started",
                    subject: "a \"b\" c/d", result: .object(["hash": .string("x")]),
                    at: "2026-01-02T03:04:05.000Z", link: number == 0 ? start : nil, lost: number == 1 ? lost : nil
                ).sealed(after: hash)
                hash = record.hash
                records.append(record)
            }
        }
    }

    private func verify(
        _ records: [AuditRecord], shortened: Bool = false, change: (Int, inout [UInt8]) -> Void = { _, _ in }
    ) throws -> AuditVerifier {
        var verifier = AuditVerifier(shortened: shortened ? [2] : [])
        for (offset, record) in records.enumerated() {
            var value = try JSONCoder.bytes(record)
            change(offset, &value)
            verifier.add(.init(partition: 2, offset: Int64(offset) * 2, key: Array(record.actor.utf8), value: value))
        }
        return verifier
    }

    private func findings(_ verifier: AuditVerifier) -> [String] {
        verifier.findings.map { "\($0.partition)@\($0.offset) \($0.problem.rawValue)" }
    }

    private func threeProcesses() throws -> [AuditRecord] {
        var writer = Writer()
        try writer.run(4)
        try writer.run(1, of: "ada")
        try writer.run(3)
        try writer.run(1, of: "ada")
        try writer.run(2)
        return writer.records
    }

    @Test func restartsAreLinked() throws {
        let verifier = try verify(threeProcesses())
        #expect(verifier.problems == 0, "\(findings(verifier))")
        #expect(verifier.records == 11)
        #expect(verifier.chainCount == 5)
        #expect(verifier.actorCount == 2)
        #expect(verifier.withoutLink == 0)
    }

    @Test func anyChangedByteIsFound() throws {
        let records = try threeProcesses()
        let length = try JSONCoder.bytes(records[2]).count
        for place in 0..<length {
            let verifier = try verify(records) { index, value in if index == 2 { value[place] ^= 1 } }
            #expect(verifier.problems > 0, "byte \(place)")
            #expect(verifier.findings.first?.offset == 4, "byte \(place): \(findings(verifier))")
        }
    }

    @Test func anAddedFieldIsFound() throws {
        let verifier = try verify(threeProcesses()) { index, value in
            if index == 2 { value = Array(#"{"a":1,"#.utf8) + value.dropFirst() }
        }
        #expect(findings(verifier) == ["2@4 altered"])
    }

    @Test func aForgedHashShowsAtTheNextRecord() throws {
        var records = try threeProcesses()
        records[2].subject = "other"
        records[2] = try records[2].sealed(after: records[1].hash)
        #expect(findings(try verify(records)) == ["2@6 unlinked"])
    }

    @Test func whateverIsLeftOutIsMissed() throws {
        let records = try threeProcesses()
        // All but an actor's last record: nothing comes after it that could tell.
        for left in 0..<(records.count - 1) where records[(left + 1)...].contains(where: { $0.actor == records[left].actor }) {
            var some = records
            some.remove(at: left)
            let verifier = try verify(some)
            #expect(verifier.problems > 0, "without \(left)")
            let next = try #require(some.indices.first { $0 >= left && some[$0].actor == records[left].actor })
            #expect(verifier.findings.first?.offset == Int64(next) * 2, "without \(left): \(findings(verifier))")
        }
    }

    @Test func anExchangeIsFound() throws {
        var records = try threeProcesses()
        records.swapAt(1, 2)
        #expect(findings(try verify(records)).contains("2@4 reordered"))
        records = try threeProcesses()
        records.insert(records[1], at: 3)
        #expect(findings(try verify(records)) == ["2@6 reordered"])
    }

    @Test func whatIsNoAuditRecordIsNamed() throws {
        var verifier = AuditVerifier(shortened: [])
        verifier.add(.init(partition: 0, offset: 0, key: nil, value: Array("{}".utf8)))
        verifier.add(.init(partition: 0, offset: 1, key: nil, value: nil))
        let record = try threeProcesses()[0]
        verifier.add(.init(partition: 0, offset: 2, key: Array("eve".utf8), value: try JSONCoder.bytes(record)))
        #expect(verifier.findings.map(\.problem) == [.unreadable, .unreadable, .unreadable])
    }

    @Test func noNumberIsTooLargeOrTooSmall() throws {
        func record(_ sequence: Int, lost: Int? = nil) throws -> AuditRecord {
            try AuditRecord(
                actor: "eve", chain: "1", sequence: sequence, action: "a", subject: "s", at: "2026-01-02T03:04:05.000Z",
                link: sequence == 0 ? .first : nil, lost: lost
            ).sealed(after: "")
        }
        let many = try verify([record(0), record(1, lost: .max), record(.max - 1, lost: .max), record(.max), record(.max, lost: 1)])
        #expect(findings(many) == ["2@2 unlinked", "2@4 missing", "2@6 unlinked", "2@8 reordered"])
        #expect(many.lost == .max)
        let negative = try verify([record(.min), record(-1), record(0, lost: -1), record(.max), record(0, lost: .min)])
        #expect(findings(negative) == ["2@0 unreadable", "2@2 unreadable", "2@4 unreadable", "2@6 missing", "2@8 unreadable"])
        #expect(negative.lost == 0)
    }

    @Test func retentionIsNoHarmAndIsSaid() throws {
        let records = Array(try threeProcesses().dropFirst(2))
        let verifier = try verify(records, shortened: true)
        #expect(verifier.problems == 0, "\(findings(verifier))")
        #expect(verifier.beyondBeginning == 1)
        #expect(try verify(records).problems == 1)
    }

    @Test func anUnknownLinkAndLostRecordsAreSaid() throws {
        var writer = Writer()
        try writer.run(3, lost: 5)
        try writer.run(2, link: .unknown)
        let verifier = try verify(writer.records)
        #expect(verifier.problems == 0, "\(findings(verifier))")
        #expect(verifier.withoutLink == 1)
        #expect(verifier.lost == 5)
    }

    @Test func aSecondFirstOneIsFound() throws {
        var writer = Writer()
        try writer.run(2)
        try writer.run(2, link: .first)
        #expect(findings(try verify(writer.records)) == ["2@4 unlinked"])
    }

    /// Nothing was there for either to go on from.
    @Test(arguments: [(0, true), (2_000, true), (-2_000, true), (60_000, false), (-60_000, false)])
    func twoFirstCommandsAtOnceHoldAndOneThatComesLaterDoesNot(milliseconds: Int64, holds: Bool) throws {
        var written: [AuditRecord] = []
        var random = SystemRandomNumberGenerator()
        for at in [0, milliseconds] {
            var audit = PersonAudit(person: "ada", command: EventID(random: &random).text, after: .none)
            let record = try audit.record(action: "a", subject: "s", at: Timestamp(milliseconds: 1_767_323_045_000 + at))
            written.append(try JSONCoder.decode(AuditRecord.self, from: record.value ?? []))
        }
        let verifier = try verify(written)
        #expect(findings(verifier) == (holds ? [] : ["2@2 unlinked"]))
        #expect(verifier.begunTogether == (holds ? 1 : 0))
    }

    @Test func aFirstChainAfterOneThatGoesOnIsUnlinked() throws {
        var written: [AuditRecord] = []
        for (command, tail) in [("1", AuditTail.unknown), ("2", .none)] {
            var audit = PersonAudit(person: "ada", command: command, after: tail)
            written.append(try JSONCoder.decode(AuditRecord.self, from: try audit.record(action: "a", subject: "s").value ?? []))
        }
        #expect(findings(try verify(written)) == ["2@2 unlinked"])
    }

    @Test func whatWasRefusedSaysWhy() throws {
        var audit = PersonAudit(person: "ada", command: "1", after: .none)
        let done = try audit.record(action: "dlq.redriven", subject: "1")
        let refused = try audit.record(action: "dlq.redriven", subject: "2", refusal: "quarantined")
        let written = try [done, refused].map { try JSONCoder.decode(AuditRecord.self, from: $0.value ?? []) }
        #expect(written.map(\.outcome) == ["success", "refused"])
        #expect(written.map(\.code) == [nil, "quarantined"])
        #expect(try verify(written).problems == 0)
    }

    @Test func aProcessThatWasThoughtDeadMayStillWrite() throws {
        var writer = Writer()
        try writer.run(3)
        let late = writer.records.removeLast()
        try writer.run(1)
        writer.records.append(late)
        #expect(try verify(writer.records).problems == 0)
    }

    @Test func aPersonsChainIsWhole() throws {
        var audit = PersonAudit(person: "ada", command: "1", after: .none)
        var written: [AuditRecord] = []
        func keep(_ record: [UInt8]?) throws { written.append(try JSONCoder.decode(AuditRecord.self, from: record ?? [])) }
        try keep(try audit.record(action: "dlq.redriven", subject: "1").value)
        audit.commit()
        // Its transaction is aborted: it was never written, and the chain has no gap.
        _ = try audit.record(action: "dlq.redriven", subject: "2")
        audit.abort()
        for subject in ["3", "4"] { try keep(try audit.record(action: "dlq.redriven", subject: subject).value) }
        audit.commit()
        var next = PersonAudit(person: "ada", command: "2", after: .last(hash: written[2].hash))
        try keep(try next.record(action: "dlq.purged", subject: "5").value)
        let verifier = try verify(written)
        #expect(verifier.problems == 0, "\(findings(verifier))")
        #expect(verifier.chainCount == 2)
        #expect(written.map(\.sequence) == [0, 1, 2, 0])
    }
}

@Suite struct AuditNamesTests {
    @Test func whatNobodyIsCalledOrDoesIsNamedWithTheNearest() {
        var names = AuditNames(topics: ["retry.echobot", "code.committed"])
        func problem(_ actor: String?, _ action: String? = nil) -> String? { names.problem(actor: actor, action: action)?.message }
        #expect(problem("Nobody", "any") == nil, "an empty audit knows no names")
        for actor in ["BuildBot-2", "ada (unverified)"] {
            names.add(AuditRecord(actor: actor, chain: "c", sequence: 0, action: "call.started", subject: "s", at: "t"))
        }
        for actor in ["BuildBot", "BuildBot-2", "ada", "ada (unverified)", "TestBot", "EchoBot"] { #expect(problem(actor) == nil) }
        #expect(problem("BuidBot")?.hasSuffix("did you mean 'BuildBot'?") == true)
        #expect(problem("testbot")?.hasSuffix("did you mean 'TestBot'?") == true)
        #expect(problem("adda")?.hasSuffix("did you mean 'ada'?") == true)
        #expect(problem(nil, "call.strted")?.hasSuffix("did you mean 'call.started'?") == true)
        for action in ["call.started", "deploy.approved", "call.*"] { #expect(problem(nil, action) == nil) }
    }
}

@Suite struct AuditSelectionTests {
    private func matches(_ change: (inout AuditSelection) -> Void) -> Bool {
        var selection = AuditSelection()
        change(&selection)
        return selection.matches(
            AuditRecord(
                actor: "BuildBot-2", chain: "c", sequence: 0, action: "call.started", subject: "build.run",
                correlationID: "c0ffee00-0000-4000-8000-000000000001",
                at: "2026-01-02T03:04:05.000Z"))
    }

    @Test func eachCriterionCounts() {
        #expect(matches { _ in })
        #expect(matches { $0.actor = "BuildBot" })
        #expect(matches { $0.actor = "BuildBot-2" })
        #expect(!matches { $0.actor = "BuildBot-1" })
        #expect(!matches { $0.actor = "Build" })
        #expect(matches { $0.action = "call.*" })
        #expect(!matches { $0.action = "call" })
        #expect(matches { $0.correlation = "c0f" })
        #expect(!matches { $0.correlation = "d" })
        #expect(matches { $0.from = Timestamp.parse("2026-01-02T03:04:05Z") })
        #expect(!matches { $0.to = Timestamp.parse("2026-01-02T03:04:05Z") })
    }

    @Test func aPersonIsMeantWithAndWithoutTheMark() {
        #expect(AuditSelection.isActor("ada (unverified)", "ada"))
        #expect(AuditSelection.isActor("ada", "ada"))
        #expect(!AuditSelection.isActor("adam", "ada"))
        #expect(!AuditSelection.isActor("ada-x", "ada"))
    }
}
