import Kafka
import LocalBroker
import MeshTesting
import Synchronization
import Testing

@testable import mesh

@Suite struct SupervisorTests {
    /// Collects what a supervisor tells.
    private final class News: Sendable {
        let items = Mutex<[Supervisor.News]>([])
        func count(_ matches: (Supervisor.News) -> Bool) -> Int { items.withLock { $0.count(where: matches) } }
    }

    private func shell(_ script: String) -> @Sendable (Instance) -> ChildProcess.Launch {
        { _ in ChildProcess.Launch(program: "/bin/sh", arguments: ["-c", script], environment: ["PATH": "/usr/bin:/bin"]) }
    }

    /// Whether `run` has returned.
    private final class Over: Sendable {
        let flag = Mutex(false)
        var isSet: Bool { flag.withLock { $0 } }
    }

    private func run(_ supervisor: Supervisor, _ instances: [Instance]) -> Over {
        let over = Over()
        DedicatedThread.start(name: "supervisor") {
            supervisor.run(instances)
            over.flag.withLock { $0 = true }
        }
        return over
    }

    @Test func whatDiesIsStartedAgainAndTold() async throws {
        let news = News()
        let supervisor = Supervisor(
            drainTime: .seconds(5), launch: shell("exit 3"), tell: { new in news.items.withLock { $0.append(new) } })
        let over = run(supervisor, [Instance(bot: "TestBot", replica: 1)])
        try await eventually(within: .seconds(20)) { news.count { if case .died(_, .exited(3), _) = $0 { true } else { false } } >= 2 }
        supervisor.drain()
        try await eventually(within: .seconds(10)) { over.isSet }
    }

    @Test func drainingEndsChildrenThatHeedIt() async throws {
        let news = News()
        let supervisor = Supervisor(
            drainTime: .seconds(20), launch: shell("trap 'exit 0' TERM; while :; do sleep 0.05; done"),
            tell: { new in news.items.withLock { $0.append(new) } })
        let over = run(supervisor, [Instance(bot: "A", replica: 1), Instance(bot: "A", replica: 2)])
        try await eventually(within: .seconds(10)) { news.count { if case .started = $0 { true } else { false } } == 2 }
        supervisor.drain()
        try await eventually(within: .seconds(15)) { over.isSet }
        #expect(news.count { if case .died = $0 { true } else { false } } == 0)
    }

    @Test func killingEndsChildrenThatDoNot() async throws {
        let news = News()
        let supervisor = Supervisor(
            drainTime: .seconds(60), launch: shell("trap '' TERM; while :; do sleep 0.05; done"),
            tell: { new in news.items.withLock { $0.append(new) } })
        let over = run(supervisor, [Instance(bot: "A", replica: 1)])
        try await eventually(within: .seconds(10)) { news.count { if case .started = $0 { true } else { false } } == 1 }
        supervisor.drain()
        supervisor.kill()
        try await eventually(within: .seconds(15)) { over.isSet }
        #expect(news.count { if case .killed = $0 { true } else { false } } == 1)
    }

    @Test func theDelayGrowsToALimitAndIsForgottenAfterAHealthyLife() {
        var policy = RestartPolicy()
        let delays = (0..<12).map { _ in policy.delay(afterLifetime: .seconds(1)) }
        #expect(delays.first == RestartPolicy.firstDelay)
        #expect(zip(delays, delays.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(delays.last == RestartPolicy.longestDelay)
        #expect(policy.delay(afterLifetime: .seconds(60)) == RestartPolicy.firstDelay)
    }
}
