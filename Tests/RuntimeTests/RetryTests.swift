import BotKit
import Envelopes
import MeshTesting
import Testing

@testable import MeshRuntime

@Suite struct RetryTests {
    @Test func theDelayGrowsAndNeverPassesTheMaximum() {
        var random = SeededGenerator(seed: 1)
        for backoff in RetryPolicy.Backoff.allCases {
            let policy = RetryPolicy(maximumAttempts: 5, backoff: backoff, initialDelay: .seconds(2), maximumDelay: .seconds(30))
            for attempt in [1, 2, 3, 10, 100, 100_000] {
                for _ in 0..<100 {
                    let delay = Backoff.delay(after: attempt, policy, using: &random)
                    #expect(delay <= policy.maximumDelay)
                    #expect(delay >= .seconds(1))
                }
            }
        }
    }

    @Test func whatIsDueFirstComesFirst() {
        var random = SeededGenerator(seed: 3)
        var schedule = RetrySchedule<Int>()
        var dues: [Int64] = []
        for number in 0..<1_000 {
            let due = Int64.random(in: 0..<500, using: &random)
            dues.append(due)
            schedule.insert(number, due: due)
        }
        let removed = schedule.remove { $0 % 3 == 0 }
        #expect(removed.count == 334)
        var last: (due: Int64, number: Int) = (-1, -1)
        var count = 0
        for now in stride(from: Int64(0), through: 500, by: 50) {
            while let number = schedule.takeDue(at: now) {
                #expect(dues[number] <= now)
                #expect((dues[number], number) > last)
                last = (dues[number], number)
                count += 1
            }
        }
        #expect(count == 666)
        #expect(schedule.isEmpty)
    }

    @Test func theWindowForgetsTheOldest() {
        var window = DedupWindow(capacity: 3)
        for id in ["a", "b", "c"] { window.insert(Identity(id: id)) }
        let isKnown = window.renew(Identity(id: "b"))
        #expect(isKnown)
        window.insert(Identity(id: "d"))
        #expect(!window.contains(Identity(id: "a")))
        #expect(window.contains(Identity(id: "b")))
        #expect(window.contains(Identity(id: "c")))
        #expect(window.contains(Identity(id: "d")))
        window.insert(Identity(id: "e"))
        window.insert(Identity(id: "f"))
        #expect(!window.contains(Identity(id: "b")))
        #expect(window.count == 3)
    }

    /// The same as the last so many of a list in which each stands once, where it came last.
    @Test(arguments: [1, 2, 3, 7, 64, 1_000]) func theWindowKnowsTheLastOnes(capacity: Int) {
        var random = SeededGenerator(seed: UInt64(capacity))
        var window = DedupWindow(capacity: capacity)
        var all: [Int] = []
        let identities = (0..<3 * capacity).map { Identity(id: "id \($0)") }
        for _ in 0..<10 * capacity {
            let number = Int.random(in: identities.indices, using: &random)
            let isKnown = all.contains(number)
            #expect(window.contains(identities[number]) == isKnown)
            let isRenewed = window.renew(identities[number])
            #expect(isRenewed == isKnown)
            if !isRenewed { window.insert(identities[number]) }
            all.removeAll { $0 == number }
            all = (all + [number]).suffix(capacity)
            #expect(window.count == all.count)
        }
        let known = Set(all)
        for (number, identity) in identities.enumerated() { #expect(window.contains(identity) == known.contains(number)) }
    }

    /// Places are filled and emptied at random, while it grows.
    @Test func theIndexFindsEveryPlaceThatIsFilled() {
        var random = SeededGenerator(seed: 5)
        var index = IdentityIndex()
        let identities = (0..<300).map { Identity(id: "id \($0)") }
        /// By place.
        var places: [Int?] = []
        for _ in 0..<20_000 {
            let filled = places.indices.filter { places[$0] != nil }
            if let place = filled.randomElement(using: &random), Int.random(in: 0..<200, using: &random) < filled.count {
                index.remove(at: place)
                places[place] = nil
            } else {
                let number = Int.random(in: identities.indices, using: &random)
                let place = places.firstIndex { $0 == nil } ?? places.count
                index.insert(identities[number], at: place)
                if place == places.count { places.append(number) } else { places[place] = number }
            }
            let asked = Int.random(in: identities.indices, using: &random)
            if let place = index.place(of: identities[asked]) {
                #expect(places[place] == asked)
            } else {
                #expect(!places.contains(asked))
            }
        }
        #expect(places.count > 64)
    }
}
