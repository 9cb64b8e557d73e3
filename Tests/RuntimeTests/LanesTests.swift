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
        #expect(lanes.isEmpty)
        #expect(lanes.laneCount == 0)
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

    @Test(arguments: 0..<20) func randomUseKeepsOrderAndCount(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var lanes = Lanes<Int, (key: Int, number: Int)>()
        var appended: [Int: Int] = [:]
        var taken: [Int: Int] = [:]
        var closed: Set<Int> = []
        var expected = 0
        for _ in 0..<2_000 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let key = Int.random(in: 0..<10, using: &random)
                lanes.append((key, appended[key, default: 0]), to: key, priority: Priority.allCases.randomElement(using: &random)!)
                appended[key, default: 0] += 1
                expected += 1
            case 2:
                guard let next = lanes.takeNext() else { break }
                expect(closed.insert(next.key).inserted)
                #expect(next.element.number == taken[next.key, default: 0])
                taken[next.key, default: 0] += 1
                expected -= 1
            default:
                guard let key = closed.randomElement(using: &random) else { break }
                closed.remove(key)
                lanes.release(key)
            }
            #expect(lanes.count == expected)
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
