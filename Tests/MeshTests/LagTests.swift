import Envelopes
import FoundationEssentials
import Kafka
import Terminal
import Testing

@testable import mesh

@Suite struct LagTests {
    private let start = ContinuousClock.now
    private let wall = Timestamp(milliseconds: 1_800_000_000_000)
    private let place = TopicPartition("t", 0)

    private func row(
        _ committed: PartitionLag.Committed, _ marks: Watermarks? = Watermarks(low: 0, high: 100),
        _ unread: PartitionLag.Unread = .since(Timestamp(milliseconds: 1_799_999_990_000)), in partition: TopicPartition? = nil
    ) -> PartitionLag {
        PartitionLag(group: "A", partition: partition ?? place, committed: committed, marks: marks, unread: unread)
    }

    private func sample(_ rows: [PartitionLag], after seconds: Int = 0, _ instances: [InstanceStatus] = []) -> LagSample {
        LagSample(wall: wall, time: start.advanced(by: .seconds(seconds)), rows: rows, instances: instances)
    }

    private func owner(
        _ state: InstanceRecord.State = .running, _ partitions: [String] = ["t[0]"], openCalls: Int = 0, replica: Int = 1,
        stalled: [String] = [], notReady: String? = nil
    ) -> InstanceStatus {
        var record = instanceRecord("A", replica, state: state, partitions: partitions, notReady: notReady, stalled: stalled, seen: wall)
        record.openCalls = openCalls
        return InstanceStatus(record: record, standing: Standing(record, wish: .running, now: wall), age: .zero)
    }

    private func warnings(_ rows: [PartitionLag], _ instances: [InstanceStatus], later: [PartitionLag]? = nil) -> LagWarnings {
        var trend = LagTrend()
        trend.add(sample(rows))
        let last = sample(later ?? rows, after: 2, instances)
        trend.add(last)
        return LagWarnings(last, trend)
    }

    @Test func whatIsNotKnownIsNeverZero() {
        #expect(row(.unknown).records == nil)
        #expect(row(.offset(5), nil).records == nil)
        #expect(row(.nothing, nil).records == nil)
        #expect(row(.unknown).behind(at: wall) == nil)
        #expect(row(.offset(5), Watermarks(low: 0, high: 100), .unknown).behind(at: wall) == nil)
        #expect(row(.offset(5), Watermarks(low: 0, high: 100), .since(nil)).behind(at: wall) == nil)
        let view = LagView(sample: sample([row(.unknown, nil, .unknown)]), trend: LagTrend())
        #expect(view.cells(Style(isColoured: false)) == [["A", "t[0]", "?", "?", "?", "?", "?", "?", "-"]])
    }

    @Test func lagCountsFromWhereTheGroupReadsOn() {
        #expect(row(.offset(40)).records == 60)
        #expect(row(.offset(40)).behind(at: wall) == .seconds(10))
        #expect(row(.nothing, Watermarks(low: 30, high: 100)).records == 70)
        // Retention has passed the committed offset: what is gone is no lag.
        #expect(row(.offset(10), Watermarks(low: 30, high: 100)).records == 70)
        #expect(row(.offset(99), Watermarks(low: 0, high: 100), .nothing).records == 0)
        #expect(row(.offset(100), Watermarks(low: 0, high: 100), .nothing).behind(at: wall) == .zero)
        // The broker was asked for the end before the commit was.
        #expect(row(.offset(101)).records == 0)
    }

    @Test func aRecordOfTheFutureIsNotNegativelyOld() {
        #expect(row(.offset(1), Watermarks(low: 0, high: 9), .since(wall.advanced(by: .seconds(5)))).behind(at: wall) == .zero)
    }

    @Test func twoSamplesGiveTheTrendAndTheTimeToDrain() {
        var trend = LagTrend()
        trend.add(sample([row(.offset(40))]))
        #expect(trend.movement(row(.offset(40))) == LagTrend.Movement())
        trend.add(sample([row(.offset(60))], after: 2))
        let movement = trend.movement(row(.offset(60)))
        #expect(movement.growth == -10)
        #expect(!movement.standsStill)
        #expect(movement.timeToDrain(40) == .seconds(4))
        #expect(movement.timeToDrain(0) == .zero)
        #expect(movement.timeToDrain(nil) == nil)
        #expect(LagTrend.Movement(growth: 3).timeToDrain(40) == nil)
        #expect(LagTrend.Movement(growth: 0).timeToDrain(40) == nil)
        #expect(LagTrend.Movement().timeToDrain(40) == nil)
    }

    @Test func whatWasWorkedOffNoLongerFallsAndWhatComesAfterwardsGrows() {
        let level = row(.offset(100), Watermarks(low: 0, high: 100), .nothing)
        var trend = LagTrend()
        trend.add(sample([row(.offset(0))]))
        trend.add(sample([level], after: 2))
        #expect(trend.movement(level).growth == -50)
        trend.add(sample([level], after: 4))
        #expect(trend.movement(level).growth == 0)
        #expect(LagView.trend(trend.movement(level)) == "steady")
        let more = row(.offset(100), Watermarks(low: 0, high: 120))
        trend.add(sample([more], after: 6))
        #expect(trend.movement(more).growth == 5)
    }

    @Test func retriesWaitForTheirTimeAndAreNotSaidToWaitForEver() {
        let still = LagTrend.Movement(growth: 0, standsStill: true)
        #expect(LagView.drain(still, 3) == "never")
        #expect(LagView.drain(still, 3, isRetry: true) == "waits")
        #expect(LagView.drain(still, 3, wait: .milliseconds(42_400), isRetry: true) == "due in 42 s")
        #expect(LagView.drain(still, 3, wait: .milliseconds(300), isRetry: true) == "due in 1 s")
        #expect(LagView.drain(still, 0, isRetry: true) == "-")
        #expect(LagView.drain(LagTrend.Movement(), nil, isRetry: true) == "?")
        #expect(LagView.drain(LagTrend.Movement(growth: -1), 3, isRetry: true) == "3 s")
    }

    @Test func aRetryIsExplainedUntilItsTimeHasPassed() {
        var retry = row(.offset(40), in: TopicPartition("retry.a", 0))
        let own = owner(.running, ["retry.a[0]"])
        retry.due = wall.advanced(by: .seconds(60))
        #expect(retry.wait(at: wall) == .seconds(60))
        let waiting = warnings([retry], [own])
        #expect(waiting.problems.isEmpty)
        #expect(waiting.notes.first?.hasSuffix("the first one until \(wall.advanced(by: .seconds(60)).text)") == true)
        retry.due = wall.advanced(by: .seconds(-5))
        #expect(retry.wait(at: wall) == nil)
        #expect(warnings([retry], [own]).problems.isEmpty)
        retry.due = wall.advanced(by: .seconds(-60))
        #expect(warnings([retry], [own]).problems.count == 1)
    }

    @Test func anUnknownSampleBetweenTwoIsPassedOver() {
        var trend = LagTrend()
        trend.add(sample([row(.offset(40))]))
        trend.add(sample([row(.unknown, nil, .unknown)], after: 2))
        #expect(trend.movement(row(.unknown)).growth == nil)
        #expect(!trend.movement(row(.unknown)).standsStill)
        trend.add(sample([row(.offset(80))], after: 4))
        #expect(trend.movement(row(.offset(80))).growth == -10)
    }

    @Test func whatIsOlderThanTheWindowIsForgotten() {
        var trend = LagTrend()
        trend.add(sample([row(.offset(0))]))
        trend.add(sample([row(.offset(50))], after: 40))
        #expect(trend.movement(row(.offset(50))).growth == nil)
    }

    @Test func aPartitionThatDoesNotMoveIsWarnedOfAndWhatExplainsItIsANote() {
        let still = [row(.offset(40))]
        #expect(warnings(still, [owner()]).problems.count == 1)
        #expect(warnings(still, [owner()], later: [row(.offset(41))]).problems.isEmpty)
        #expect(warnings(still, []).problems.first?.contains("no instance owns it, and none runs") == true)
        #expect(warnings(still, [owner(.running, [])]).problems.first?.hasSuffix("no instance owns it") == true)
        #expect(warnings(still, [owner(stalled: ["t[0]"])]).problems.first?.contains("cannot explain it") == true)
        #expect(warnings(still, [owner(notReady: "Kafka does not answer")]).problems.first?.contains("Kafka does not answer") == true)
        for explained in [owner(.paused), owner(.draining), owner(.starting), owner(openCalls: 2)] {
            let found = warnings(still, [explained])
            #expect(found.problems.isEmpty)
            #expect(found.notes.count == 1)
        }
        let retry = [row(.offset(40), in: TopicPartition("retry.a", 0))]
        #expect(warnings(retry, [owner(.running, ["retry.a[0]"])]).problems.isEmpty)
        // Nothing waits, so nothing has to move.
        #expect(warnings([row(.offset(99), Watermarks(low: 0, high: 100), .nothing)], [owner()]).problems.isEmpty)
    }

    @Test func moreReplicasThanPartitionsIsWarnedOf() {
        let rows = (0..<2).map { row(.offset(100), Watermarks(low: 0, high: 100), .nothing, in: TopicPartition("t", $0)) }
        let three = (1...3).map { owner(.running, [], replica: $0) }
        #expect(warnings(rows, Array(three.prefix(2))).problems.isEmpty)
        #expect(
            warnings(rows, three).problems.first?.hasPrefix("A has 3 replicas, but no topic that it reads has more than 2 partitions:")
                == true)
        // Six small topics do not make up for one that all need; the retry topic says nothing.
        #expect(ReplicaWarning.text(bot: "A", replicas: 7, partitions: ["t": 6, "u": 1]) != nil)
        #expect(ReplicaWarning.text(bot: "A", replicas: 7, partitions: [:]) == nil)
    }

    @Test func theJSONHasNullForWhatIsNotKnown() throws {
        let view = LagView(sample: sample([row(.unknown, nil, .unknown), row(.offset(40))]), trend: LagTrend())
        let rows = try view.rows.map { try JSONValue.parse(Array(try JSONEncoder().encode($0))) }
        for name in ["committed", "end", "lag_records", "lag_seconds", "trend_records_per_second", "drain_seconds", "owner"] {
            #expect(rows[0][name] == .null, "\(name)")
        }
        #expect(rows[1]["lag_records"]?.integer == 60)
        #expect(rows[1]["lag_seconds"]?.number == 10)
    }

    @Test func whatNeverHeldARecordIsLeftOutOfTheTable() {
        let empty = row(.nothing, Watermarks(low: 0, high: 0), .nothing)
        #expect(LagView(sample: sample([empty]), trend: LagTrend()).shown.isEmpty)
        #expect(LagView(sample: sample([empty]), trend: LagTrend(), showsUnused: true).shown.count == 1)
        #expect(row(.unknown, nil).isUsed)
    }
}
