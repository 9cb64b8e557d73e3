import MeshTesting
import Testing

@testable import mesh

@Suite struct TimeMergeTests {
    private struct Given: Equatable {
        let lane: Int
        let time: Int64
    }

    private func merge(capacity: Int = 1_000) -> TimeMerge<Given> { TimeMerge(window: 250, capacity: capacity, capacityBytes: 1 << 20) }

    private func drain(_ merge: inout TimeMerge<Given>, now: Int64) -> [Given] {
        var taken: [Given] = []
        while let next = merge.next(now: now) { taken.append(next) }
        return taken
    }

    @Test func thePastOfManyLanesComesInTheOrderOfTime() {
        var random = SeededGenerator(seed: 7)
        var merge = merge()
        var left: [[Int64]] = (0..<7).map { _ in (0..<50).map { _ in Int64.random(in: 0..<10_000, using: &random) }.sorted() }
        let all = left.enumerated().flatMap { lane, times in times.map { Given(lane: lane, time: $0) } }
        for _ in left { _ = merge.addLane(isBehind: true) }
        var taken: [Given] = []
        while merge.behind > 0 {
            let lane = Int.random(in: 0..<7, using: &random)
            if left[lane].isEmpty {
                merge.reachedEnd(of: lane)
            } else {
                let time = left[lane].removeFirst()
                merge.insert(Given(lane: lane, time: time), lane: lane, time: time, bytes: 1, now: 0)
            }
            if merge.behind > 0 { taken += drain(&merge, now: 0) }
        }
        taken += drain(&merge, now: 250)
        #expect(taken.map(\.time) == taken.map(\.time).sorted())
        #expect(taken.count == all.count)
        #expect(merge.count == 0)
    }

    @Test func aLaneThatIsBehindHoldsTheOthersUpUntilItHasSomething() {
        var merge = merge()
        let (slow, fast) = (merge.addLane(isBehind: true), merge.addLane(isBehind: true))
        merge.insert(Given(lane: fast, time: 5), lane: fast, time: 5, bytes: 1, now: 0)
        #expect(merge.next(now: 1_000_000) == nil)
        merge.insert(Given(lane: slow, time: 3), lane: slow, time: 3, bytes: 1, now: 0)
        #expect(merge.next(now: 0) == Given(lane: slow, time: 3))
        #expect(merge.next(now: 0) == nil)
        merge.reachedEnd(of: slow)
        #expect(merge.next(now: 0) == Given(lane: fast, time: 5))
    }

    @Test func whatIsNewWaitsForTheWindow() {
        var merge = merge()
        let (one, two) = (merge.addLane(isBehind: false), merge.addLane(isBehind: false))
        merge.insert(Given(lane: one, time: 20), lane: one, time: 20, bytes: 1, now: 100)
        #expect(merge.next(now: 349) == nil)
        merge.insert(Given(lane: two, time: 10), lane: two, time: 10, bytes: 1, now: 340)
        #expect(merge.next(now: 350) == nil, "the earlier of the two came later")
        #expect(drain(&merge, now: 590).map(\.time) == [10, 20])
    }

    @Test func aLaneKeepsItsOwnOrderWhateverItsTimesSay() {
        var merge = merge()
        let lane = merge.addLane(isBehind: false)
        for time: Int64 in [30, 10, 20] { merge.insert(Given(lane: lane, time: time), lane: lane, time: time, bytes: 1, now: 0) }
        #expect(drain(&merge, now: 250).map(\.time) == [30, 10, 20])
    }

    @Test func whenItIsFullTheEarliestGoesOutAndMemoryDoesNotGrow() {
        var merge = merge(capacity: 10)
        let (silent, busy) = (merge.addLane(isBehind: true), merge.addLane(isBehind: true))
        var taken: [Given] = []
        for time in 0..<100_000 as Range<Int64> {
            merge.insert(Given(lane: busy, time: time), lane: busy, time: time, bytes: 1, now: 0)
            taken += drain(&merge, now: 0)
            #expect(merge.count < 10)
        }
        merge.reachedEnd(of: silent)
        merge.reachedEnd(of: busy)
        taken += drain(&merge, now: 250)
        #expect(taken.map(\.time) == Array(0..<100_000))
    }

    @Test func bytesAreBoundedToo() {
        var merge = TimeMerge<Given>(window: 250, capacity: 1_000, capacityBytes: 100)
        let lane = merge.addLane(isBehind: false)
        merge.insert(Given(lane: lane, time: 1), lane: lane, time: 1, bytes: 90, now: 0)
        #expect(merge.next(now: 0) == nil)
        merge.insert(Given(lane: lane, time: 2), lane: lane, time: 2, bytes: 90, now: 0)
        #expect(merge.next(now: 0) == Given(lane: lane, time: 1))
        #expect(merge.next(now: 0) == nil)
    }

    /// As `mesh tail` uses it: it is filled until it is full, then emptied until nothing is due; the reader is slow, so it is always full.
    @Test func fullItMakesSomeRoomAtOnceAndWhatWaitsStaysBounded() {
        var merge = TimeMerge<Given>(window: 250, capacity: 6_400, capacityBytes: 64_000)
        let lanes = (0..<50).map { _ in merge.addLane(isBehind: true) }
        var (time, taken, rounds) = (Int64(0), 0, 0)
        while time < 100_000 {
            while !merge.isFull {
                // The last lane is silent: the others must wait for it as long as there is room.
                let lane = lanes[Int(time % 49)]
                merge.insert(Given(lane: lane, time: time), lane: lane, time: time, bytes: 20, now: 0)
                time += 1
                #expect(merge.count <= 3_200 && merge.bytes <= 64_000)
            }
            taken += drain(&merge, now: 0).count
            rounds += 1
            #expect(!merge.isFull && merge.count > 3_000, "no more goes out early than is needed")
        }
        #expect(taken + merge.count == Int(time))
        #expect(rounds < 10_000, "not one round for each element")
    }

    @Test func whatWasTakenIsNotKept() {
        final class Line {}
        var merge = TimeMerge<Line>(window: 0, capacity: 1_000, capacityBytes: 1_000)
        let lane = merge.addLane(isBehind: false)
        weak var first: Line?
        do {
            let line = Line()
            first = line
            merge.insert(line, lane: lane, time: 1, bytes: 1, now: 0)
        }
        for time in 2..<100 as Range<Int64> { merge.insert(Line(), lane: lane, time: time, bytes: 1, now: 0) }
        #expect(first != nil)
        do {
            let taken = merge.next(now: 0)
            #expect(taken === first)
        }
        #expect(first == nil)
    }
}
