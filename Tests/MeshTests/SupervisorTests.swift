import FoundationEssentials
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

    private func shell(_ script: String) -> @Sendable (Instance, Restarts) -> ChildProcess.Launch {
        { _, _ in ChildProcess.Launch(program: "/bin/sh", arguments: ["-c", script], environment: ["PATH": "/usr/bin:/bin"]) }
    }

    /// Shell scripts that say when they are ready: SIGTERM ends a shell that has not set its trap yet.
    private final class Scripts: Sendable {
        let directory: String
        init() throws { directory = try TemporaryDirectory.make(prefix: "mesh-supervisor") }
        deinit { try? FileManager.default.removeItem(atPath: directory) }

        /// Sets the trap for SIGTERM, leaves a file, and runs on.
        func trapping(_ action: String) -> @Sendable (Instance, Restarts) -> ChildProcess.Launch {
            let script = "trap '\(action)' TERM; : > \"$1/ready-$$\"; while :; do sleep 0.05; done"
            return { [directory] _, _ in
                ChildProcess.Launch(
                    program: "/bin/sh", arguments: ["-c", script, "sh", directory], environment: ["PATH": "/usr/bin:/bin"])
            }
        }

        /// Waits until so many processes have set their traps.
        func areReady(_ count: Int) async throws {
            try await eventually("\(count) scripts to be ready") {
                try FileManager.default.contentsOfDirectory(atPath: directory).count { $0.hasPrefix("ready-") } == count
            }
        }
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
        try await eventually(within: .seconds(60)) { news.count { if case .died(_, .exited(3), _) = $0 { true } else { false } } >= 2 }
        supervisor.drain()
        try await eventually(within: .seconds(60)) { over.isSet }
    }

    @Test func whoIsStartedAgainIsToldHowOftenAndHowTheOneBeforeEnded() async throws {
        let told = Mutex<[Restarts]>([])
        let launch: @Sendable (Instance, Restarts) -> ChildProcess.Launch = { _, restarts in
            told.withLock { $0.append(restarts) }
            return ChildProcess.Launch(program: "/bin/sh", arguments: ["-c", "exit 3"], environment: [:])
        }
        let supervisor = Supervisor(drainTime: .seconds(5), launch: launch, tell: { _ in })
        let over = run(supervisor, [Instance(bot: "A", replica: 1)])
        try await eventually(within: .seconds(60)) { told.withLock { $0.count } >= 3 }
        supervisor.drain()
        try await eventually(within: .seconds(60)) { over.isSet }
        let expected = [Restarts(), Restarts(count: 1, reason: "exited with status 3"), Restarts(count: 2, reason: "exited with status 3")]
        #expect(told.withLock { Array($0.prefix(3)) } == expected)
    }

    @Test func drainingEndsChildrenThatHeedIt() async throws {
        let (news, scripts) = (News(), try Scripts())
        let supervisor = Supervisor(
            drainTime: .seconds(60), launch: scripts.trapping("exit 0"), tell: { new in news.items.withLock { $0.append(new) } })
        let over = run(supervisor, [Instance(bot: "A", replica: 1), Instance(bot: "A", replica: 2)])
        try await scripts.areReady(2)
        supervisor.drain()
        try await eventually(within: .seconds(60)) { over.isSet }
        #expect(news.count { if case .drained = $0 { true } else { false } } == 2)
        #expect(news.count { if case .died = $0 { true } else { false } } == 0)
    }

    @Test func killingEndsChildrenThatDoNot() async throws {
        let (news, scripts) = (News(), try Scripts())
        let supervisor = Supervisor(
            drainTime: .seconds(600), launch: scripts.trapping(""), tell: { new in news.items.withLock { $0.append(new) } })
        let over = run(supervisor, [Instance(bot: "A", replica: 1)])
        try await scripts.areReady(1)
        supervisor.drain()
        supervisor.kill()
        try await eventually(within: .seconds(60)) { over.isSet }
        #expect(news.count { if case .killed = $0 { true } else { false } } == 1)
    }

    private func instances(_ replicas: Int...) -> Set<Instance> { Set(replicas.map { Instance(bot: "A", replica: $0) }) }

    @Test func whatIsWantedIsStartedAndWhatIsNotIsDrainedTheHighestFirst() async throws {
        let (news, scripts) = (News(), try Scripts())
        let supervisor = Supervisor(
            drainTime: .seconds(60), launch: scripts.trapping("exit 0"), tell: { new in news.items.withLock { $0.append(new) } })
        let over = run(supervisor, [Instance(bot: "A", replica: 1)])
        supervisor.want(instances(1, 2, 3, 4))
        try await scripts.areReady(4)
        supervisor.want(instances(1, 2))
        try await eventually(within: .seconds(60)) { news.count { if case .drained = $0 { true } else { false } } == 2 }
        let drained = news.items.withLock { $0.compactMap { if case .draining(let instance) = $0 { instance.replica } else { nil } } }
        #expect(drained == [4, 3])
        // Ended in order, and wanted no more: nobody starts it again.
        supervisor.want(instances(1, 2, 4))
        try await scripts.areReady(5)
        supervisor.drain()
        try await eventually(within: .seconds(60)) { over.isSet }
        #expect(news.count { if case .drained = $0 { true } else { false } } == 5)
        #expect(news.count { if case .died = $0 { true } else { false } } == 0)
        #expect(news.count { if case .started = $0 { true } else { false } } == 5)
    }

    @Test func aSlotThatIsWantedAgainWhileItDrainsIsStartedWhenItHasEnded() async throws {
        let (news, scripts) = (News(), try Scripts())
        let supervisor = Supervisor(
            drainTime: .seconds(60), launch: scripts.trapping(#"until [ -e "$1/end" ]; do sleep 0.05; done; exit 0"#),
            tell: { new in news.items.withLock { $0.append(new) } })
        let over = run(supervisor, [Instance(bot: "A", replica: 1)])
        try await scripts.areReady(1)
        supervisor.want([])
        try await eventually(within: .seconds(60)) { news.count { if case .draining = $0 { true } else { false } } == 1 }
        supervisor.want(instances(1))
        // Its end is heard of after the wish.
        try Data().write(to: URL(filePath: scripts.directory + "/end"))
        try await scripts.areReady(2)
        let order = news.items.withLock {
            $0.map { if case .drained = $0 { "drained" } else if case .started = $0 { "started" } else { "" } }
        }
        #expect(order.filter { !$0.isEmpty } == ["started", "drained", "started"])
        supervisor.drain()
        try await eventually(within: .seconds(60)) { over.isSet }
    }

    @Test func aSlotThatIsScaledAwayAndDoesNotEndInOrderIsFencedBeforeItIsStartedAgain() async throws {
        let (news, scripts) = (News(), try Scripts())
        let fenced = Mutex<[Instance]>([])
        let supervisor = Supervisor(
            drainTime: .milliseconds(100), launch: scripts.trapping(""),
            fence: { instance in fenced.withLock { $0.append(instance) } }, tell: { new in news.items.withLock { $0.append(new) } })
        let over = run(supervisor, [Instance(bot: "A", replica: 1), Instance(bot: "A", replica: 2)])
        try await scripts.areReady(2)
        supervisor.want(instances(1))
        try await eventually(within: .seconds(60)) { fenced.withLock { $0 } == [Instance(bot: "A", replica: 2)] }
        #expect(news.count { if case .killed = $0 { true } else { false } } == 1)
        supervisor.want(instances(1, 2))
        try await eventually(within: .seconds(60)) { news.count { if case .started = $0 { true } else { false } } == 3 }
        supervisor.kill()
        try await eventually(within: .seconds(60)) { over.isSet }
    }

    @Test func oneThatDiesWhileNobodyWantsItIsNotStartedAgain() async throws {
        let news = News()
        let supervisor = Supervisor(
            drainTime: .seconds(5), launch: shell("exit 3"), tell: { new in news.items.withLock { $0.append(new) } })
        let over = run(supervisor, [Instance(bot: "A", replica: 1)])
        try await eventually(within: .seconds(60)) { news.count { if case .died = $0 { true } else { false } } >= 1 }
        supervisor.want([])
        supervisor.want(instances(2))
        try await eventually(within: .seconds(60)) {
            news.count { if case .died(let instance, _, _) = $0 { instance.replica == 2 } else { false } } >= 1
        }
        let first = news.count { if case .started(let instance, _) = $0 { instance.replica == 1 } else { false } }
        try await eventually(within: .seconds(60)) {
            news.count { if case .died(let instance, _, _) = $0 { instance.replica == 2 } else { false } } >= 3
        }
        #expect(news.count { if case .started(let instance, _) = $0 { instance.replica == 1 } else { false } } == first)
        supervisor.drain()
        try await eventually(within: .seconds(60)) { over.isSet }
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
