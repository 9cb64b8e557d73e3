import Envelopes
import FoundationEssentials
import Terminal
import Testing

@testable import mesh

/// An instance's record as a test wants it.
func instanceRecord(
    _ bot: String, _ replica: Int, state: InstanceRecord.State = .running, partitions: [String] = [], notReady: String? = nil,
    stalled: [String] = [], degraded: [DegradedDependency]? = nil, logLevel: String? = "info", pid: Int32 = 1, seen: Timestamp = .now
) -> InstanceRecord {
    InstanceRecord(
        bot: bot, replica: replica, instance: "\(bot)-\(replica)", host: "ci-1", pid: pid, version: "1.0.0", state: state,
        notReady: notReady, delivery: "exactly-once", partitions: partitions, logLevel: logLevel, stalled: stalled, degraded: degraded,
        startedAt: seen.text, lastSeen: seen.text)
}

@Suite struct InstanceTests {
    private let now = Timestamp(milliseconds: 1_800_000_000_000)

    private func standing(_ record: InstanceRecord, _ wish: ControlRecord.State = .running) -> Standing {
        Standing(record, wish: wish, now: now)
    }

    @Test func anInstanceStandsAsItsRecordAndTheClockTell() {
        let open = DegradedDependency(dependency: "notify.slack", state: .open, waitingCalls: 3)
        #expect(standing(instanceRecord("A", 1, seen: now)) == .running)
        #expect(standing(instanceRecord("A", 1, state: .starting, seen: now)) == .starting)
        #expect(standing(instanceRecord("A", 1, state: .paused, seen: now)) == .paused)
        #expect(standing(instanceRecord("A", 1, state: .draining, seen: now)) == .draining)
        #expect(standing(instanceRecord("A", 1, notReady: "Kafka does not answer", seen: now)) == .degraded)
        #expect(standing(instanceRecord("A", 1, degraded: [open], seen: now)) == .degraded)
        #expect(standing(instanceRecord("A", 1, stalled: ["t[0]"], seen: now)) == .stalled)
        #expect(standing(instanceRecord("A", 1, state: .stopped, seen: now)) == .stopped)
        #expect(standing(instanceRecord("A", 1, state: .stopped, seen: now), .drained) == .drained)
    }

    @Test func whatWasStartedAgainSaysHowOftenAndWhy() throws {
        var record = instanceRecord("A", 1, seen: now)
        func status() -> InstanceStatus { InstanceStatus(record: record, standing: standing(record), age: .zero) }
        func cell() -> String? { InstanceList(statuses: [status()]).cells(Style(isColoured: false)).first?[5] }
        // Where no supervisor says so it is not known, which is not 0.
        #expect(status().restartNote == nil)
        #expect(cell() == "?")
        record.restarts = 0
        #expect(status().restartNote == nil)
        #expect(cell() == "0")
        record.restarts = 2
        record.lastEnd = "was ended by signal 9"
        #expect(status().restartNote == "A-1 was started again 2 times; its process before was ended by signal 9")
        #expect(cell() == "2")
        record.state = .stopped
        #expect(status().restartNote == nil)
        let json = try JSONValue.parse(Array(try JSONEncoder().encode(InstanceList.Row(status: status()))))
        #expect(json["restarts"]?.integer == 2)
        #expect(json["last_end"]?.string == "was ended by signal 9")
    }

    @Test func fifteenSecondsOfSilenceAreADeathAndOneThatEndedInOrderIsNone() {
        let at = now.advanced(by: .seconds(-15))
        #expect(standing(instanceRecord("A", 1, seen: at)) == .running)
        let before = at.advanced(by: .milliseconds(-1))
        #expect(standing(instanceRecord("A", 1, seen: before)) == .lost)
        #expect(standing(instanceRecord("A", 1, state: .draining, seen: before)) == .lost)
        #expect(standing(instanceRecord("A", 1, state: .stopped, seen: before)) == .stopped)
        var unreadable = instanceRecord("A", 1, seen: now)
        unreadable.lastSeen = "yesterday"
        #expect(standing(unreadable) == .lost)
        #expect(InstanceStatus.list(["A-1": unreadable], Wishes(), now: now).first?.note.contains("silent for ?") == true)
    }

    @Test func whatNobodyWantsAnyMoreIsShownOnlyOnRequest() {
        let old = now.advanced(by: .seconds(-600))
        let records = Dictionary(
            uniqueKeysWithValues: [
                instanceRecord("A", 1, seen: now), instanceRecord("A", 2, seen: old), instanceRecord("A", 10, seen: old),
                instanceRecord("B", 1, state: .stopped, seen: old), instanceRecord("C", 1, state: .stopped, seen: old),
            ].map { ($0.key, $0) })
        var wishes = Wishes()
        wishes.records["A"] = ControlRecord(bot: "A", replicas: 2)
        wishes.records["C/1"] = ControlRecord(bot: "C", replica: 1, state: .drained)
        let shown = InstanceStatus.list(records, wishes, now: now)
        #expect(shown.map(\.record.instance) == ["A-1", "A-2", "C-1"])
        #expect(shown.map(\.standing) == [.running, .lost, .drained])
        let all = InstanceStatus.list(records, wishes, now: now, all: true)
        #expect(all.map(\.record.instance) == ["A-1", "A-2", "A-10", "B-1", "C-1"])
    }

    @Test func aTableFitsEightyColumnsAndTheNoteIsBeneath() throws {
        let open = DegradedDependency(dependency: "notify.slack", state: .open, waitingCalls: 3)
        let list = InstanceList(
            statuses: InstanceStatus.list(["A-1": instanceRecord("A", 1, degraded: [open], seen: now)], Wishes(), now: now))
        #expect(list.statuses.first?.note == "notify.slack open, 3 calls waiting")
        #expect(list.cells(Style(isColoured: false)) == [["A-1", "degraded", "0", "0", "0", "?", "now", "ci-1", "1", "1.0.0"]])
    }

    @Test func whatIsNotKnownIsNullInJSON() throws {
        let status = try #require(InstanceStatus.list(["A-1": instanceRecord("A", 1, seen: now)], Wishes(), now: now).first)
        let json = try JSONValue.parse(Array(try JSONEncoder().encode(InstanceList.Row(status: status))))
        #expect(json["queue_depth"] == .null)
        #expect(json["note"] == .null)
        #expect(json["state"]?.string == "running")
        #expect(json["last_seen_seconds"]?.number == 0)
    }

    @Test func partitionsAreNamedByTopic() {
        #expect(PartitionNames.lines(["b[1]", "a.b[10]", "a.b[2]", "?"]) == ["a.b 2 10", "b 1"])
        #expect(PartitionNames.parse("a.b[10]")?.partition == 10)
        #expect(PartitionNames.parse("a.b") == nil)
        #expect(PartitionNames.parse("a.b[x]") == nil)
    }
}
