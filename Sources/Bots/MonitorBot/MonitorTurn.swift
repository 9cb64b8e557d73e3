import BotKit
import Envelopes

/// One input's handling: the state as it becomes, and the effects as they gather.
struct MonitorTurn {
    let settings: MonitorSettings
    var state: MonitorState
    let context: Context
    private(set) var effects: [Effect<MonitorOutput, MonitorCall>] = []

    /// Addresses of one deploy that are watched.
    static let maximumURLs = 20

    init(settings: MonitorSettings, state: MonitorState, context: Context) {
        self.settings = settings
        self.state = state
        self.context = context
    }

    // MARK: A watch after a deploy

    /// A newer deploy takes the place of the one before; alerts of the environment that stand go on to stand.
    mutating func begin(_ deploy: DeployCompleted, at time: Timestamp) {
        if let watch = state.watch, watch.deployedAt > time.milliseconds { return }
        var urls: [String] = []
        for url in deploy.healthURLs where !urls.contains(url) && urls.count < Self.maximumURLs { urls.append(url) }
        guard !urls.isEmpty else {
            state.watch = nil
            return
        }
        state.watch = MonitorState.Watch(
            id: context.runID, deployID: deploy.deployID, environment: deploy.environment, deployedAt: time.milliseconds, urls: urls,
            until: context.now.advanced(by: settings.watching.duration).milliseconds)
        ask()
    }

    mutating func remind(_ reminder: Reminder) {
        guard let watch = state.watch, reminder.name == Self.reminderName(watch) else { return }
        ask()
    }

    private static func reminderName(_ watch: MonitorState.Watch) -> String { "watch/\(watch.id)" }

    private mutating func ask() {
        guard var watch = state.watch else { return }
        let health = settings.watching.health
        for (index, url) in watch.urls.enumerated() where !watch.refused.contains(url) {
            effects.append(
                .perform(
                    .probe(
                        ProbeRequest(
                            check: Self.checkName(watch.environment, index), url: url, allowedHosts: settings.watching.allowedHosts,
                            expectation: health.expectation, timeLimit: health.timeLimit))))
        }
        watch.outstanding = watch.urls.count - watch.refused.count
        state.watch = watch
        let pause = watch.isClear ? settings.watching.steadyInterval : settings.watching.interval
        effects.append(.remind(Reminder(name: Self.reminderName(watch), after: pause)))
    }

    private static func checkName(_ environment: String, _ index: Int) -> String {
        index == 0 ? "\(environment)-health" : "\(environment)-health-\(index + 1)"
    }

    mutating func take(_ probe: ProbeRequest, _ result: Result<ProbeResponse, CallFailure>, isWatch: Bool) {
        if isWatch {
            takeWatched(probe, result)
        } else if let check = settings.checks.first(where: { $0.name == probe.check }) {
            let answer = Self.answer(result)
            judge(check.name, environment: check.environment, url: check.url, answer, health: check.health, deployID: nil, isClear: false)
        }
    }

    private mutating func takeWatched(_ probe: ProbeRequest, _ result: Result<ProbeResponse, CallFailure>) {
        guard var watch = state.watch, watch.urls.contains(probe.url) else { return }
        watch.outstanding = max(0, watch.outstanding - 1)
        if case .failure(let failure) = result, failure.code == "host-refused" {
            refuse(probe, failure, &watch)
            return
        }
        let answer = Self.answer(result)
        let isLast = watch.outstanding == 0
        let names = watch.urls.indices.map { Self.checkName(watch.environment, $0) }
        let areOthersWell = names.allSatisfy { $0 == probe.check || isWell($0) }
        // This answer counts as well: a check whose alert still stands needs some more good ones.
        let isThisWell = answer.problem == nil && willBeQuiet(probe.check, limits: settings.watching.health.limits)
        let isClear = isLast && areOthersWell && isThisWell && !watch.isClear && context.now.milliseconds >= watch.until
        watch.isClear = watch.isClear || isClear
        state.watch = isClear && settings.watching.steadyInterval == .zero ? nil : watch
        judge(
            probe.check, environment: watch.environment, url: probe.url, answer, health: settings.watching.health,
            deployID: watch.deployID, isClear: isClear)
        // Nothing follows a watch that ended, so nothing is kept of it.
        if state.watch == nil { state = MonitorState() }
    }

    /// The address is asked no more; the refusal is told once.
    private mutating func refuse(_ probe: ProbeRequest, _ failure: CallFailure, _ watch: inout MonitorState.Watch) {
        watch.refused.insert(probe.url)
        state.watch = watch.refused.count == watch.urls.count ? nil : watch
        effects.append(
            .produce(
                .failed(
                    MonitorHealthCheckFailed(
                        check: probe.check, environment: watch.environment, url: probe.url, reason: String(failure.message.prefix(1000)),
                        consecutiveFailures: 1, deployID: watch.deployID))))
    }

    private func isWell(_ check: String) -> Bool {
        (state.checks[check]?.consecutiveFailures ?? 0) == 0 && (state.alerts[check]?.raisedAt == nil)
    }

    private func willBeQuiet(_ check: String, limits: Hysteresis.Limits) -> Bool {
        guard var alert = state.alerts[check], alert.raisedAt != nil else { return true }
        _ = alert.take(.good, limits: limits, now: context.now, newID: "")
        return alert.raisedAt == nil
    }

    // MARK: Scheduled checks

    mutating func askScheduled() {
        // A check that the configuration no longer names leaves no alert behind.
        let alerts = Set(
            settings.checks.map(\.name) + settings.targets.map(\.name) + settings.targets.flatMap { $0.thresholds.map(\.alert) })
        state.alerts = state.alerts.filter { alerts.contains($0.key) }
        state.checks = state.checks.filter { alerts.contains($0.key) }
        for check in settings.checks {
            effects.append(
                .perform(
                    .probe(
                        ProbeRequest(
                            check: check.name, url: check.url, allowedHosts: nil, expectation: check.health.expectation,
                            timeLimit: check.health.timeLimit))))
        }
        for target in settings.targets {
            effects.append(
                .perform(
                    .scrape(
                        MetricsScrape(target: target.name, url: target.url, selectors: target.selectors, timeLimit: target.timeLimit))))
        }
    }

    mutating func take(_ scrape: MetricsScrape, _ result: Result<MetricsScrapeResponse, CallFailure>) {
        guard let target = settings.targets.first(where: { $0.name == scrape.target }) else { return }
        var answer: ProbeResponse
        var values: [Double?] = []
        switch result {
        case .success(let response):
            answer = ProbeResponse(problem: response.problem, status: response.status, seconds: response.seconds)
            values = response.values
        case .failure(let failure): answer = ProbeResponse(problem: failure.message, status: nil, seconds: 0)
        }
        let health = MonitorSettings.Health(timeLimit: target.timeLimit, limits: target.limits, severity: target.severity)
        judge(target.name, environment: target.environment, url: target.url, answer, health: health, deployID: nil, isClear: false)
        guard answer.problem == nil else { return }
        var metrics: [String: Double] = [:]
        for (selector, value) in zip(scrape.selectors, values) { if let value, value.isFinite { metrics[selector.text] = value } }
        effects.append(.produce(.metrics(MonitorMetricsCollected(target: target.name, environment: target.environment, metrics: metrics))))
        for threshold in target.thresholds {
            // An unknown value neither raises nor clears.
            guard let value = metrics[threshold.selector.text] else { continue }
            let text =
                "\(threshold.selector.text) of \(target.name) is \(value), \(threshold.isUpper ? "above" : "below") \(threshold.raise)"
            alert(
                threshold.alert, threshold.verdict(value), limits: threshold.limits,
                Alarm(
                    severity: threshold.severity, metric: threshold.selector.text, value: value, threshold: threshold.raise,
                    environment: target.environment, description: text, deployID: nil))
        }
    }

    // MARK: Judging an answer

    private static func answer(_ result: Result<ProbeResponse, CallFailure>) -> ProbeResponse {
        switch result {
        case .success(let response): response
        case .failure(let failure): ProbeResponse(problem: failure.message, status: nil, seconds: 0)
        }
    }

    private mutating func judge(
        _ check: String, environment: String?, url: String, _ answer: ProbeResponse, health: MonitorSettings.Health,
        deployID: String?, isClear: Bool
    ) {
        guard let problem = answer.problem else {
            state.checks[check] = nil
            effects.append(
                .produce(
                    .passed(
                        MonitorHealthCheckPassed(
                            check: check, environment: environment, url: url, status: answer.status, responseSeconds: answer.seconds,
                            allClear: isClear, deployID: deployID))))
            alert(check, .good, limits: health.limits, alarm(check, 0, environment, health, url, deployID, "\(url) is healthy again"))
            return
        }
        let failures = (state.checks[check]?.consecutiveFailures ?? 0) + 1
        state.checks[check] = MonitorState.CheckState(consecutiveFailures: failures)
        let reason = String(problem.prefix(1000))
        effects.append(
            .produce(
                .failed(
                    MonitorHealthCheckFailed(
                        check: check, environment: environment, url: url, status: answer.status, reason: reason,
                        consecutiveFailures: failures, deployID: deployID))))
        alert(check, .bad, limits: health.limits, alarm(check, failures, environment, health, url, deployID, "\(url): \(reason)"))
    }

    private func alarm(
        _ check: String, _ failures: Int, _ environment: String?, _ health: MonitorSettings.Health, _ url: String, _ deployID: String?,
        _ text: String
    ) -> Alarm {
        Alarm(
            severity: health.severity, metric: "consecutive_failures", value: Double(failures),
            threshold: Double(health.limits.raiseAfter), environment: environment, description: text, deployID: deployID)
    }

    /// What an alert says.
    private struct Alarm {
        let severity: Severity
        let metric: String
        let value: Double
        let threshold: Double
        let environment: String?
        let description: String
        let deployID: String?
    }

    private mutating func alert(_ name: String, _ verdict: Hysteresis.Verdict, limits: Hysteresis.Limits, _ alarm: Alarm) {
        var hysteresis = state.alerts[name] ?? Hysteresis()
        let newID = UUIDv5.derive(["alert", name, alarm.environment ?? "", context.runID, String(context.now.milliseconds)]).text
        let change = hysteresis.take(verdict, limits: limits, now: context.now, newID: newID)
        let id = hysteresis.alertID ?? newID
        state.alerts[name] = hysteresis.isQuiet ? nil : hysteresis
        let description = String(alarm.description.prefix(1500))
        switch change {
        case .raised:
            effects.append(
                .produce(
                    .triggered(
                        AlertTriggered(
                            alertID: id, alertName: name, severity: alarm.severity, metric: alarm.metric, value: alarm.value,
                            threshold: alarm.threshold, environment: alarm.environment, description: description,
                            deployID: alarm.deployID))))
        case .cleared(let duration):
            let (seconds, attoseconds) = duration.components
            effects.append(
                .produce(
                    .resolved(
                        AlertResolved(
                            alertID: id, alertName: name, severity: alarm.severity, metric: alarm.metric, value: alarm.value,
                            threshold: alarm.threshold, environment: alarm.environment, description: description,
                            deployID: alarm.deployID, durationSeconds: Double(seconds) + Double(attoseconds) * 1e-18))))
        case nil: break
        }
    }
}
