import Kafka
import Testing

@testable import meshload

/// Partitions that stand still.
@Suite struct CheckerStallTests {
    @Test func aPartitionThatStandsStillIsNamed() throws {
        var scene = ChaosScene()
        try scene.request("1")
        for time in 1...12 { scene.sample(at: Double(time), committed: 0) }
        try scene.result(of: "1")
        scene.sample(at: 13, committed: 1)
        scene.expectFault("\(scene.input) had lag and stood still for 13")
    }

    /// Nobody looked meanwhile: it may have had nothing to do.
    @Test func aPartitionWithoutLagBeforeAGapOfSamplesDidNotStandStill() throws {
        var scene = ChaosScene()
        scene.sample(at: 1, committed: 0)
        try scene.request("1")
        for time in [10.0, 12] { scene.sample(at: time, committed: 0) }
        try scene.result(of: "1")
        scene.sample(at: 13, committed: 1)
        #expect(scene.verdict.faults == [])
    }

    @Test func whereNobodyLookedForLongNothingIsShown() throws {
        var scene = ChaosScene()
        for time in [1.0, 2, 13] { scene.sample(at: time, committed: 0) }
        scene.expectFault("nobody looked at the commits for 11")
        // Nor did anybody before the next fault.
        scene.calm = [2.5..<13]
        scene.expectFault("nobody looked at the commits for 10.5")
        scene.calm = [0..<3, 12..<20]
        #expect(!scene.verdict.faults.contains { $0.contains("nobody looked") }, "a fault explains it")
    }

    @Test func aPartitionThatStandsStillBetweenTwoFaultsIsNamed() throws {
        var scene = ChaosScene()
        try scene.request("1")
        for time in 1...40 { scene.sample(at: Double(time), committed: 0) }
        try scene.result(of: "1")
        scene.sample(at: 41, committed: 1)
        scene.calm = [5..<14, 20..<29, 41..<Double.infinity]
        #expect(scene.verdict.faults == [])
        scene.calm = [5..<17, 41..<Double.infinity]
        scene.expectFault("\(scene.input) had lag and stood still for 11")
    }

    @Test func theSpansInWhichAStandstillCouldBeFoundAreCounted() throws {
        var scene = ChaosScene()
        scene.calm = [0..<9, 10..<21, 30..<40, 41..<Double.infinity]
        #expect(scene.verdict.counts.first { $0.0 == "judged_spans" }?.1.description == "2")
    }

    /// An hour ahead its time has come when the longest delay is over: whoever wrote it had a clock that was ahead.
    @Test(arguments: [false, true]) func aRetryPartitionStandsStillOnlyWhereTheTimeOfARetryHasCome(isAhead: Bool) throws {
        var scene = ChaosScene(scenario: .dependency)
        try scene.request("1")
        try scene.retry("1", CommittedOffset(offset: 1), due: isAhead ? 3_600_000 : 6_000)
        func stand(until end: Int) {
            for time in scene.samples.count + 1...end {
                scene.sample(at: Double(time), [scene.input: CommittedOffset(offset: 1), scene.retries: CommittedOffset(offset: 0)])
            }
        }
        stand(until: 16)
        try scene.result(of: "1", isReordered: true)
        #expect(scene.verdict.faults == [])
        stand(until: 17)
        scene.expectFault("\(scene.retries) had lag and stood still for 11")
    }

    @Test func nothingIsAmissBetweenTheHealingOfAFaultAndTheNextOne() {
        var calm = CalmSpans(from: 1)
        calm.note(.killBroker, from: 2, to: 2.5)
        #expect(calm.all == [1..<2])
        calm.note(.kill(slot: 1), from: 3, to: 3)
        calm.note(.startBroker, from: 4, to: 5)
        // The group counts on the bot for 6 s more.
        #expect(calm.all == [1..<2, 9..<Double.infinity])
        calm.note(.start(slot: 1), from: 6, to: 6)
        calm.note(.freeze(slot: 2), from: 12, to: 12)
        calm.note(.links(slot: nil, .cut), from: 13, to: 13)
        calm.note(.thaw(slot: 2), from: 14, to: 14)
        #expect(calm.all == [1..<2, 9..<12])
        calm.note(.links(slot: nil, .fine), from: 15, to: 15)
        #expect(calm.all == [1..<2, 9..<12, 15..<Double.infinity])
    }
}
