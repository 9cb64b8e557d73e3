import BotKit
import Testing

@testable import MeshRuntime

extension Breakers {
    func isClosed(_ dependency: String) -> Bool { self[dependency].map { $0.state == .closed } ?? true }
}

@Suite struct CircuitBreakerTests {
    private func breaker(failures: Int = 2, probes: Int = 1) -> CircuitBreaker {
        CircuitBreaker(BreakerPolicy(failures: failures, pause: .milliseconds(100), probes: probes))
    }

    private func admit(_ breaker: inout CircuitBreaker, at uptime: Int64) throws -> CircuitBreaker.Permit {
        let permit = breaker.admit(at: uptime)
        return try #require(permit)
    }

    private func isHeldBack(_ breaker: inout CircuitBreaker, at uptime: Int64) -> Bool { breaker.admit(at: uptime) == nil }

    /// Opens it at the time 0.
    private func opened(probes: Int = 1) throws -> CircuitBreaker {
        var breaker = breaker(probes: probes)
        for _ in 0..<2 {
            let permit = try admit(&breaker, at: 0)
            breaker.failed(permit, at: 0)
        }
        #expect(breaker.state == .open(until: 100))
        return breaker
    }

    @Test func onlyFailuresOneAfterAnotherOpenIt() throws {
        var breaker = breaker(failures: 3)
        for _ in 0..<10 {
            for isGood in [false, false, true] {
                let permit = try admit(&breaker, at: 0)
                if isGood { breaker.succeeded(permit) } else { breaker.failed(permit, at: 0) }
                #expect(breaker.state == .closed)
            }
        }
        for _ in 0..<3 {
            let permit = try admit(&breaker, at: 5)
            breaker.failed(permit, at: 5)
        }
        #expect(breaker.state == .open(until: 105))
    }

    /// It was slow, and the trial that it belonged to is over: the other side has answered all the same.
    @Test func aLateSuccessOfATrialCountsForOthersButClosesNothing() throws {
        var breaker = try opened(probes: 2)
        let (slow, bad) = (try admit(&breaker, at: 100), try admit(&breaker, at: 100))
        breaker.failed(bad, at: 101)
        #expect(breaker.successes == 0 && breaker.successesAtOpening == 0)
        _ = try admit(&breaker, at: 300)
        breaker.succeeded(slow)
        #expect(breaker.successes == 1 && breaker.state == .halfOpen && breaker.running == 1)
        // What began before the outage says nothing.
        breaker.succeeded(CircuitBreaker.Permit(trial: nil, opening: 0))
        #expect(breaker.successes == 1)
    }

    /// They are of the outage that is over.
    @Test func callsFromBeforeAnOutageDoNotOpenItAfterwards() throws {
        var breaker = breaker()
        let old = try (0..<6).map { _ in try admit(&breaker, at: 0) }
        for permit in old.prefix(2) { breaker.failed(permit, at: 0) }
        #expect(breaker.state == .open(until: 100))
        let trial = try admit(&breaker, at: 100)
        breaker.succeeded(trial)
        for permit in old.dropFirst(2) { breaker.failed(permit, at: 110) }
        #expect(breaker.state == .closed && breaker.openings == 1)
        for _ in 0..<2 {
            let permit = try admit(&breaker, at: 120)
            breaker.failed(permit, at: 120)
        }
        #expect(breaker.state == .open(until: 220), "new ones count")
    }

    @Test func itClosesOnlyAfterAllCallsOnTrialHaveSucceeded() throws {
        var breaker = try opened(probes: 3)
        expect(isHeldBack(&breaker, at: 99))
        let permits = try (0..<3).map { _ in try admit(&breaker, at: 100) }
        #expect(permits.allSatisfy { $0.isTrial })
        expect(isHeldBack(&breaker, at: 199), "three and no more")
        for permit in permits.prefix(2) {
            breaker.succeeded(permit)
            #expect(breaker.state == .halfOpen)
            expect(isHeldBack(&breaker, at: 199), "one that succeeded makes no room for another")
        }
        breaker.succeeded(permits[2])
        #expect(breaker.state == .closed)
        expect(try !admit(&breaker, at: 199).isTrial)
    }

    /// A build on trial takes half an hour, and its server has answered in a second.
    @Test func aTrialThatTakesLongLetsOthersOnTrialTooFewerAndFewer() throws {
        var breaker = try opened()
        _ = try admit(&breaker, at: 100)
        var times: [Int64] = []
        for uptime in 101...2_000 as ClosedRange<Int64> where breaker.isAdmitting(at: uptime) {
            #expect(try admit(&breaker, at: uptime).isTrial)
            times.append(uptime)
        }
        #expect(times == [200, 400, 800, 1_600])
        let last = try admit(&breaker, at: 3_200)
        breaker.failed(last, at: 3_201)
        expect(isHeldBack(&breaker, at: 3_300), "one that fails opens it again")
    }

    @Test func oneFailureOnTrialOpensItAndTheOthersSayNothingMore() throws {
        var breaker = try opened(probes: 2)
        let first = try admit(&breaker, at: 100)
        let second = try admit(&breaker, at: 100)
        breaker.failed(first, at: 150)
        #expect(breaker.state == .open(until: 250))
        breaker.succeeded(second)
        #expect(breaker.state == .open(until: 250))
        let third = try admit(&breaker, at: 250)
        breaker.succeeded(second)
        breaker.failed(second, at: 251)
        #expect(breaker.state == .halfOpen, "a call of an earlier trial does not count in this one")
        breaker.succeeded(third)
        let last = try admit(&breaker, at: 252)
        breaker.succeeded(last)
        #expect(breaker.state == .closed)
    }

    @Test func aCallFromBeforeItOpenedDoesNotCloseIt() throws {
        var breaker = breaker()
        let early = try admit(&breaker, at: 0)
        for _ in 0..<2 {
            let permit = try admit(&breaker, at: 0)
            breaker.failed(permit, at: 0)
        }
        breaker.succeeded(early)
        #expect(breaker.state == .open(until: 100))
        _ = breaker.admit(at: 100)
        breaker.succeeded(early)
        #expect(breaker.state == .halfOpen)
    }

    @Test func aCancelledCallOnTrialMakesRoomForAnother() throws {
        var breaker = try opened()
        let permit = try admit(&breaker, at: 100)
        expect(isHeldBack(&breaker, at: 101))
        breaker.ended(permit)
        let last = try admit(&breaker, at: 102)
        breaker.succeeded(last)
        #expect(breaker.state == .closed)
    }

    @Test func theNumberOfBreakersIsBounded() throws {
        var breakers = Breakers(BreakerPolicies(standard: BreakerPolicy(failures: 1)))
        for number in 0..<(3 * Breakers.maximum) { _ = breakers.admit("http:h\(number)", kind: "http", at: 0) }
        #expect(breakers.states.count == Breakers.maximum)
        for (dependency, _) in breakers.states {
            let permit = breakers.admit(dependency, kind: "http", at: 0)
            let admitted = try #require(permit)
            _ = breakers.change(dependency) { $0.failed(admitted, at: 0) }
            #expect(!breakers.isClosed(dependency))
        }
        // All are open: what is new is not held back, and nothing is forgotten for it.
        expect(breakers.admit("http:another", kind: "http", at: 0) != nil)
        #expect(breakers.states.allSatisfy { $0.state != .closed })
    }

    @Test func theNearestPolicyCounts() {
        let policies = BreakerPolicies(
            standard: BreakerPolicy(failures: 1),
            byDependency: ["http": BreakerPolicy(failures: 2), "http:a.org": BreakerPolicy(failures: 3)])
        #expect(policies.policy(of: "http:a.org", kind: "http").failures == 3)
        #expect(policies.policy(of: "http:b.org", kind: "http").failures == 2)
        #expect(policies.policy(of: "notify.slack", kind: "notify.slack").failures == 1)
    }

    @Test(arguments: [
        ("https://git.example.org/acme/shop.git", "build.run:git.example.org"),
        ("ssh://git@Git.example.org:2222/a", "build.run:git.example.org:2222"),
        ("git@git.example.org:acme/shop.git", "build.run:git.example.org"), ("/srv/git/shop", "build.run"),
        ("file:///srv/git/shop", "build.run"),
        ("a:b", "build.run"), ("git@", "build.run"), ("@:", "build.run"), ("", "build.run"),
    ]) func theServerOfARepositoryIsADependencyOfItsOwn(_ url: String, _ dependency: String) {
        let run = BuildRun(buildID: "1", repository: url, commit: "main", allowedRepositories: [], pipeline: Pipeline(steps: []))
        #expect(run.dependency == dependency)
    }

    @Test(arguments: [
        ("https://Docs.Example.org/a?b", "http:docs.example.org"), ("http://u:p@h:8080", "http:h:8080"),
        ("http://[::1]:5/x", "http:[::1]:5"),
        ("http://a@b@c/", "http:c"), ("nothing", "http"), ("http://", "http"), ("http:///x", "http"),
    ]) func anHTTPCallDependsOnItsServer(_ url: String, _ dependency: String) {
        #expect(HTTPCall(method: "GET", url: url, timeLimit: .seconds(1)).dependency == dependency)
    }
}
