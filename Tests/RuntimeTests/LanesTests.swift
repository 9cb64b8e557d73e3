import Envelopes
import MeshTesting
import Testing

@testable import BotKit
@testable import MeshRuntime

@Suite struct LanesTests {
    @Test func oneKeyIsHandledInOrderOneAtATime() {
        var lanes = Lanes<String, Int>()
        for number in 1...3 { lanes.append(number, to: "a", priority: .medium) }
        lanes.append(10, to: "b", priority: .medium)
        expect(lanes.takeNext()?.element == 1)
        expect(lanes.takeNext()?.element == 10)
        expect(lanes.takeNext() == nil)
        lanes.release("a")
        expect(lanes.takeNext()?.element == 2)
        lanes.putBack(2, to: "a", priority: .medium)
        expect(lanes.takeNext()?.element == 2)
        lanes.release("a")
        expect(lanes.takeNext()?.element == 3)
        lanes.release("a")
        lanes.release("b")
        expect(lanes.isEmpty)
        expect(lanes.laneCount == 0)
    }

    /// A key with many does not fall behind what came after it, nor behind what is new.
    @Test func whatMayBeARepeatGoesFirstInTheOrderInWhichItCame() {
        var lanes = Lanes<Int, Int>()
        var random = SeededGenerator(seed: 1)
        for number in 0..<100 { lanes.append(2_000 + number, to: 1_000 + number, priority: .medium) }
        for number in 0..<1_000 {
            lanes.append(number, to: Int(random.next() % (random.next() % 50 + 1)), priority: .medium, goesFirst: true)
        }
        var taken: [Int] = []
        while let next = lanes.takeNext() {
            taken.append(next.element)
            lanes.release(next.key)
        }
        let repeats = taken.filter { $0 < 2_000 }
        #expect(repeats == repeats.sorted() && repeats.count == 1_000)
        // Each eighth turn is for what has waited longest.
        #expect(taken.prefix(800).count { $0 < 2_000 } == 700)
        expect(lanes.isEmpty && lanes.laneCount == 0)
    }

    /// Whatever its key has waiting, and however much came before.
    @Test func aKeyWithOneHasItsTurnSoonBesideOneWithMany() {
        var lanes = Lanes<String, Int>()
        for number in 0..<5_000 { lanes.append(number, to: "many", priority: .medium) }
        lanes.append(-1, to: "one", priority: .medium)
        for _ in 0..<2 {
            guard let next = lanes.takeNext() else { break }
            if next.element == -1 { return }
            lanes.release(next.key)
        }
        Issue.record("it waits still")
    }

    @Test func theMoreUrgentLaneGoesFirst() {
        var lanes = Lanes<String, String>()
        lanes.append("low", to: "l", priority: .low)
        lanes.append("medium", to: "m", priority: .medium)
        lanes.append("critical", to: "c", priority: .critical)
        expect([lanes.takeNext()!.element, lanes.takeNext()!.element, lanes.takeNext()!.element] == ["critical", "medium", "low"])
    }

    @Test func nothingStarves() {
        var lanes = Lanes<Int, String>()
        lanes.append("low", to: -1, priority: .low)
        var turns = 0
        while true {
            lanes.append("critical", to: turns, priority: .critical)
            turns += 1
            guard let next = lanes.takeNext() else { break }
            if next.element == "low" { break }
            lanes.release(next.key)
            #expect(turns < 20)
        }
        #expect(turns <= Lanes<Int, String>.fairTurn)
    }

    /// Lanes beside plain lists that say what they must have.
    @Test(arguments: 0..<20) func randomUseKeepsOrderAndCount(seed: UInt64) {
        typealias Item = (key: Int, number: Int)
        var random = SeededGenerator(seed: seed)
        var lanes = Lanes<Int, Item>()
        var waiting: [Int: [Int]] = [:]
        var closed: [Int: Item?] = [:]
        var last = 0
        func took(_ taken: (key: Int, element: Item)?, first: Bool) {
            guard let (key, item) = taken else { return }
            #expect(item.key == key && closed[key] == nil)
            let place = waiting[key]?.firstIndex(of: item.number)
            #expect(place != nil && (!first || place == 0))
            if let place { waiting[key]?.remove(at: place) }
            closed.updateValue(item, forKey: key)
        }
        for _ in 0..<4_000 {
            let key = Int.random(in: 0..<10, using: &random)
            let priority = Priority.allCases.randomElement(using: &random)!
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<4:
                last += 1
                lanes.append((key, last), to: key, priority: priority)
                waiting[key, default: []].append(last)
            case 4..<7:
                let next = lanes.takeNext()
                let mayTake = waiting.contains { !$0.value.isEmpty && closed[$0.key] == nil }
                #expect((next != nil) == mayTake)
                took(next, first: true)
            case 7, 8:
                guard let key = closed.keys.sorted().randomElement(using: &random) else { break }
                closed[key] = nil
                lanes.release(key)
            case 9:
                guard let (key, item) = closed.sorted(by: { $0.key < $1.key }).randomElement(using: &random), let item else { break }
                closed[key] = nil
                waiting[key, default: []].insert(item.number, at: 0)
                lanes.putBack(item, to: key, priority: priority)
            case 10:
                let isFree = lanes.isFree(key)
                #expect(isFree == (waiting[key, default: []].isEmpty && closed[key] == nil))
                if isFree {
                    lanes.close(key)
                    closed.updateValue(nil, forKey: key)
                } else {
                    let mayTake = waiting.contains { closed[$0.key] == nil && $0.value.contains { $0 % 3 == 0 } }
                    let taken = lanes.take { $0.number % 3 == 0 }
                    #expect((taken != nil) == mayTake)
                    took(taken, first: false)
                }
            default:
                if Bool.random(using: &random) {
                    let removed = lanes.removeWaiting { $0.key == key && $0.number % 2 == 0 }
                    #expect(removed.map(\.number) == waiting[key, default: []].filter { $0 % 2 == 0 })
                    waiting[key]?.removeAll { $0 % 2 == 0 }
                } else {
                    #expect(lanes.removeLanes { $0 == key }.map(\.number) == waiting[key, default: []])
                    (waiting[key], closed[key]) = (nil, nil)
                }
            }
            let (count, laneCount) = (lanes.count, lanes.laneCount)
            #expect(count == waiting.values.reduce(0) { $0 + $1.count })
            #expect(laneCount == Set(waiting.filter { !$0.value.isEmpty }.keys).union(closed.keys).count)
        }
    }

    @Test func theRateLimiterRefills() {
        var limiter = RateLimiter(.init(requestsPerMinute: 60, burstSize: 2), at: 0)
        expect(limiter.take(at: 0))
        expect(limiter.take(at: 0))
        expect(!limiter.take(at: 500))
        expect(limiter.take(at: 1_000))
        expect(!limiter.take(at: 1_000))
    }
}
