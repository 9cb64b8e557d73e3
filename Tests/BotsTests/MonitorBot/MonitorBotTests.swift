import BotKit
import Envelopes
import Testing

@testable import Bots

@Suite struct MonitorBotTests {
    private let url = "http://127.0.0.1:8080/health"

    private func watching(_ parameters: [String: JSONValue] = [:]) -> BotConfiguration.Action {
        let standard: [String: JSONValue] = [
            "interval": 10, "duration": 30, "steady_interval": 60, "failures_to_raise": 2, "successes_to_clear": 2,
            "allowed_hosts": ["127.0.0.1"],
        ]
        return BotConfiguration.Action(
            name: "watch", type: "monitor.health", parameters: .object(standard.merging(parameters) { _, new in new }))
    }

    @Test func aDeployIsWatchedThenAllIsClear() throws {
        var mesh = try MonitorHarness([watching()])
        try mesh.deploy("d1", urls: [url])
        #expect(mesh.said() == ["passed staging-health"])
        try mesh.remind()
        try mesh.remind()
        #expect(mesh.said() == ["passed staging-health", "passed staging-health"])
        try mesh.remind()
        #expect(mesh.said() == ["all clear staging-health"])
        #expect(mesh.reminders.map(\.0.after) == [.seconds(10)])
        try mesh.remind()
        #expect(mesh.said() == ["passed staging-health"], "told once")
        #expect(mesh.reminders.map(\.0.after) == [.seconds(60)], "the steady pace")
    }

    @Test func withoutASteadyPaceTheWatchEnds() throws {
        var mesh = try MonitorHarness([watching(["steady_interval": 0, "duration": 1])])
        try mesh.deploy("d1", urls: [url])
        try mesh.remind()
        #expect(mesh.said().last == "all clear staging-health")
        #expect(mesh.states.values.allSatisfy { $0.isEmpty })
        try mesh.remind()
        #expect(mesh.said().isEmpty && mesh.reminders.isEmpty)
    }

    @Test func anAlertIsRaisedOnceAndCleared() throws {
        var mesh = try MonitorHarness([watching()])
        mesh.problems[url] = "answered 503"
        try mesh.deploy("d1", urls: [url])
        #expect(mesh.said() == ["failed staging-health 1"])
        try mesh.remind()
        guard case .triggered(let raised) = mesh.produced.last else {
            Issue.record("an alert was expected")
            return
        }
        #expect(raised.key == "staging-health/staging" && raised.severity == .critical && raised.deployID == "d1")
        #expect(mesh.said() == ["failed staging-health 2", "triggered staging-health 2.0"])
        try mesh.remind()
        try mesh.remind()
        #expect(mesh.said() == ["failed staging-health 3", "failed staging-health 4"], "raised once, and not clear at the watch's end")
        mesh.problems = [:]
        try mesh.remind()
        #expect(mesh.said() == ["passed staging-health"])
        mesh.problems[url] = "answered 503"
        try mesh.remind()
        mesh.problems = [:]
        try mesh.remind()
        #expect(mesh.said() == ["failed staging-health 1", "passed staging-health"], "two in a row clear it")
        try mesh.remind()
        guard case .resolved(let resolved) = mesh.produced.last else {
            Issue.record("a resolution was expected")
            return
        }
        #expect(resolved.alertID == raised.alertID && resolved.durationSeconds == 60)
        #expect(mesh.said() == ["all clear staging-health", "resolved staging-health 60.0"], "the watch went on until then")
    }

    @Test func aNewerDeployTakesThePlaceOfTheOlder() throws {
        var mesh = try MonitorHarness([watching()])
        try mesh.deploy("d1", urls: [url])
        let first = mesh.now
        try mesh.deploy("d2", urls: [url, "http://127.0.0.1:8081/health"])
        #expect(mesh.reminders.count == 2)
        mesh.asked = []
        try mesh.remind()
        #expect(mesh.asked.isEmpty, "the first watch's reminder is for nothing")
        try mesh.remind()
        #expect(mesh.asked.count == 2)
        try mesh.deploy("d1", urls: ["http://127.0.0.1:9/old"], at: first.advanced(by: .seconds(-5)))
        #expect(!mesh.asked.contains("http://127.0.0.1:9/old"), "an older deploy that comes late")
        #expect(mesh.said().contains("passed staging-health-2"))
    }

    @Test func environmentsAreWatchedApart() throws {
        var mesh = try MonitorHarness([watching()])
        try mesh.deploy("d1", urls: [url])
        try mesh.deploy("d2", environment: "production", urls: ["http://127.0.0.1:8081/health"])
        #expect(Set(mesh.states.keys) == ["environment/staging", "environment/production"])
        try mesh.remind()
        #expect(mesh.asked.last == url)
    }

    @Test func allIsClearOnlyWhenEveryAddressIsWell() throws {
        let other = "http://127.0.0.1:8081/health"
        var mesh = try MonitorHarness([watching(["duration": 10])])
        mesh.problems[url] = "no answer"
        try mesh.deploy("d1", urls: [url, other])
        try mesh.remind()
        #expect(!mesh.said().contains { $0.hasPrefix("all clear") })
        mesh.problems = [:]
        try mesh.remind()
        try mesh.remind()
        #expect(mesh.said().filter { $0.hasPrefix("all clear") } == ["all clear staging-health-2"])
    }

    @Test func aRefusedHostIsToldOnceAndNotAskedAgain() throws {
        let inside = "http://169.254.169.254/latest"
        var mesh = try MonitorHarness([watching()])
        mesh.refused = [inside]
        try mesh.deploy("d1", urls: [inside, url])
        #expect(mesh.said() == ["failed staging-health 1", "passed staging-health-2"])
        mesh.asked = []
        try mesh.remind()
        #expect(mesh.asked == [url])
        #expect(mesh.said() == ["passed staging-health-2"])
        try mesh.deploy("d2", urls: [inside])
        try mesh.remind()
        try mesh.remind()
        #expect(mesh.asked.filter { $0 == inside }.count == 1)
    }

    // MARK: On a schedule

    private func metrics(_ threshold: JSONValue) -> BotConfiguration.Action {
        BotConfiguration.Action(
            name: "shop", type: "monitor.metrics",
            parameters: ["url": "http://127.0.0.1:9/metrics", "environment": "staging", "thresholds": [threshold], "report": ["up"]])
    }

    @Test func thresholdsHaveTwoLevels() throws {
        var mesh = try MonitorHarness([
            metrics([
                "alert_name": "slow", "metric": "latency_seconds", "aggregation": "max", "above": 1, "clear": 0.5, "severity": "critical",
            ])
        ])
        let course: [(value: Double?, said: [String], why: Comment)] = [
            (0.9, [], "below the level"), (1.5, ["triggered slow 1.5"], "above it"), (2, [], "raised already"),
            (0.7, [], "between the levels nothing changes"), (nil, [], "an unknown is no zero"), (0.4, ["resolved slow 4.0"], "clear"),
            (0.7, [], "between the levels nothing changes"),
        ]
        for step in course {
            mesh.metrics["max(latency_seconds)"] = step.value
            try mesh.fireSchedule()
            #expect(mesh.said().filter { !$0.hasPrefix("passed") && !$0.hasPrefix("metrics") } == step.said, step.why)
        }
    }

    @Test func aThresholdCanAskForSeveralInARow() throws {
        var mesh = try MonitorHarness([metrics(["alert_name": "idle", "metric": "workers", "below": 2, "for": 3])])
        var said: [String] = []
        for value in [1.0, 1, 3, 1, 1, 1, 1] {
            mesh.metrics["workers"] = value
            try mesh.fireSchedule()
            said += mesh.said().filter { $0.hasPrefix("triggered") }
        }
        #expect(said == ["triggered idle 1.0"])
    }

    @Test func whatIsCollectedIsReported() throws {
        var mesh = try MonitorHarness([metrics(["alert_name": "a", "metric": "errors_total", "labels": ["code": "500"], "above": 5])])
        mesh.metrics = ["errors_total{code=\"500\"}": 3, "up": 1]
        try mesh.fireSchedule()
        #expect(mesh.said() == ["passed shop", "metrics errors_total{code=\"500\"}=3.0 up=1.0"])
        try mesh.fireSchedule(bot: "BackupBot")
        #expect(mesh.said().isEmpty, "another bot's schedule")
        mesh.problems["http://127.0.0.1:9/metrics"] = "answered 500"
        for _ in 0..<3 { try mesh.fireSchedule() }
        #expect(mesh.said() == ["failed shop 1", "failed shop 2", "failed shop 3", "triggered shop 3.0"])
    }

    @Test func configuredChecksAreAskedOnTheSchedule() throws {
        let check = BotConfiguration.Action(
            name: "front", type: "monitor.health", parameters: ["url": "https://shop.example/health", "environment": "production"])
        var mesh = try MonitorHarness([check, watching()])
        try mesh.fireSchedule()
        #expect(mesh.asked == ["https://shop.example/health"])
        #expect(mesh.said() == ["passed front"])
    }

    @Test func mistakesInTheConfigurationAreNamed() throws {
        func problem(_ actions: BotConfiguration.Action...) -> String {
            do {
                _ = try MonitorHarness(actions)
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(problem(watching(["intervall": 3])).contains("did you mean 'interval'"))
        #expect(problem(watching(), watching()).contains("a second monitor.health"))
        #expect(problem(watching(["url": "ftp://x"])).contains("http://"))
        #expect(problem(metrics(["metric": "a", "above": 1])).contains("thresholds[0].alert_name"))
        #expect(problem(metrics(["alert_name": "a", "metric": "a", "above": 1, "below": 0])).contains("either above or below"))
        #expect(problem(metrics(["alert_name": "a", "metric": "a", "above": 1, "clear": 2])).contains("good side"))
        #expect(problem(metrics(["alert_name": "a", "metrik": "a", "above": 1])).contains("did you mean 'metric'"))
        #expect(problem(BotConfiguration.Action(name: "x", type: "monitor.helth")).contains("monitor.health, monitor.metrics"))
    }
}

@Suite struct HysteresisTests {
    /// Whatever values come, alerts are raised and cleared in turn.
    @Test func raisesAndClearsTakeTurns() {
        var seed: UInt64 = 7
        func next() -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 40)
        }
        for _ in 0..<200 {
            var hysteresis = Hysteresis()
            let limits = Hysteresis.Limits(raiseAfter: 1 + next() % 4, clearAfter: 1 + next() % 4)
            var isRaised = false
            var run = 0
            for step in 0..<100 {
                let verdict = [Hysteresis.Verdict.bad, .good, .between][next() % 3]
                run = verdict == .bad ? run + 1 : verdict == .between && isRaised ? run : 0
                switch hysteresis.take(verdict, limits: limits, now: Timestamp(milliseconds: Int64(step)), newID: "\(step)") {
                case .raised:
                    #expect(!isRaised && verdict == .bad && run >= limits.raiseAfter)
                    isRaised = true
                case .cleared:
                    #expect(isRaised && verdict == .good)
                    isRaised = false
                case nil: break
                }
                #expect((hysteresis.raisedAt != nil) == isRaised)
            }
        }
    }
}
