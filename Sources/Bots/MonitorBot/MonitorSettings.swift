import BotKit
import Envelopes

/// MonitorBot's actions, read. `monitor.health` with a `url` is a scheduled check; without one it says how deploys are watched.
/// `monitor.metrics` is a scheduled scrape with thresholds.
struct MonitorSettings: Sendable, Equatable {
    /// How an address is asked, and when an alert comes of it.
    struct Health: Sendable, Equatable {
        var expectation = HealthExpectation()
        var timeLimit: Duration = .seconds(5)
        var limits = Hysteresis.Limits(raiseAfter: 3, clearAfter: 2)
        var severity: Severity = .critical
    }

    /// How closely a deploy is watched.
    struct Watching: Sendable, Equatable {
        var health = Health()
        var interval: Duration = .seconds(30)
        var duration: Duration = .seconds(1800)
        /// Between questions once all is clear; zero: none are asked.
        var steadyInterval: Duration = .seconds(300)
        var allowedHosts: [String] = []
    }

    struct Check: Sendable, Equatable {
        let name: String
        let url: String
        let environment: String?
        let health: Health
    }

    struct Threshold: Sendable, Equatable {
        let alert: String
        let severity: Severity
        let selector: MetricSelector
        /// The value is bad above (or below) this.
        let raise: Double
        /// The value is good at or below (or at or above) this.
        let clear: Double
        let isUpper: Bool
        let limits: Hysteresis.Limits

        func verdict(_ value: Double) -> Hysteresis.Verdict {
            if isUpper { return value > raise ? .bad : value <= clear ? .good : .between }
            return value < raise ? .bad : value >= clear ? .good : .between
        }
    }

    struct Target: Sendable, Equatable {
        let name: String
        let url: String
        let environment: String?
        let timeLimit: Duration
        let thresholds: [Threshold]
        /// What is collected: the thresholds' selectors first, then those only reported.
        let selectors: [MetricSelector]
        let severity: Severity
        let limits: Hysteresis.Limits
    }

    static let steps = ["monitor.health", "monitor.metrics"]
    /// Of one target, so that an event stays small.
    static let maximumSelectors = 100

    var watching = Watching()
    var checks: [Check] = []
    var targets: [Target] = []

    init(_ configuration: BotConfiguration) throws(ConfigurationError) {
        var hasWatching = false
        for (index, action) in configuration.actions.enumerated() {
            var parameters = ActionParameters(action, index: index)
            switch action.type {
            case "monitor.health":
                if let url = try parameters.string("url") {
                    try Self.requireHTTP(url, parameters)
                    checks.append(
                        Check(
                            name: action.name, url: url, environment: try parameters.string("environment"),
                            health: try Self.health(&parameters)))
                } else {
                    guard !hasWatching else {
                        throw ConfigurationError(
                            path: "actions[\(index)]", message: "a second monitor.health without a url; one says how deploys are watched")
                    }
                    hasWatching = true
                    watching = try Self.watching(&parameters)
                }
            case "monitor.metrics": targets.append(try Self.target(action.name, &parameters))
            default:
                throw ConfigurationError(
                    path: "actions[\(index)].type", message: "'\(action.type)' is not one of \(Self.steps.joined(separator: ", "))")
            }
            try parameters.finish()
        }
    }

    private static func health(_ parameters: inout ActionParameters) throws(ConfigurationError) -> Health {
        var health = Health()
        health.timeLimit = try parameters.seconds("timeout", in: 0.1...60) ?? health.timeLimit
        health.limits = try limits(&parameters, standard: health.limits)
        health.severity = try parameters.choice("severity", Severity.self) ?? health.severity
        if let status = try parameters.integer("expect_status", in: 100...599) { health.expectation.statuses = status...status }
        health.expectation.text = try parameters.string("expect_text")
        return health
    }

    private static func limits(
        _ parameters: inout ActionParameters, standard: Hysteresis.Limits
    ) throws(ConfigurationError) -> Hysteresis.Limits {
        Hysteresis.Limits(
            raiseAfter: try parameters.integer("failures_to_raise", in: 1...1000) ?? standard.raiseAfter,
            clearAfter: try parameters.integer("successes_to_clear", in: 1...1000) ?? standard.clearAfter)
    }

    private static func watching(_ parameters: inout ActionParameters) throws(ConfigurationError) -> Watching {
        var watching = Watching()
        watching.health = try health(&parameters)
        watching.interval = try parameters.seconds("interval", in: 1...3600) ?? watching.interval
        watching.duration = try parameters.seconds("duration", in: 1...604_800) ?? watching.duration
        watching.steadyInterval = try parameters.seconds("steady_interval", in: 0...86_400) ?? watching.steadyInterval
        watching.allowedHosts = try parameters.strings("allowed_hosts") ?? []
        return watching
    }

    private static func target(_ name: String, _ parameters: inout ActionParameters) throws(ConfigurationError) -> Target {
        let url = try parameters.requiredString("url")
        try requireHTTP(url, parameters)
        var thresholds: [Threshold] = []
        if let value = parameters.value("thresholds") {
            guard let list = value.array else { throw parameters.error("thresholds", "expected a list") }
            for (index, item) in list.enumerated() {
                var fields = ThresholdFields(item, path: "thresholds[\(index)]", parameters: parameters)
                thresholds.append(try fields.threshold())
            }
        }
        var selectors: [MetricSelector] = []
        let reported = try parameters.strings("report") ?? []
        for selector in thresholds.map(\.selector) + reported.map({ MetricSelector(metric: $0) }) where !selectors.contains(selector) {
            selectors.append(selector)
        }
        guard !selectors.isEmpty else { throw parameters.error("thresholds", "expected thresholds, or a list of metrics in report") }
        guard selectors.count <= maximumSelectors else { throw parameters.error("thresholds", "more than \(maximumSelectors) metrics") }
        guard Set(thresholds.map(\.alert)).count == thresholds.count else {
            throw parameters.error("thresholds", "two have the same alert_name")
        }
        return Target(
            name: name, url: url, environment: try parameters.string("environment"),
            timeLimit: try parameters.seconds("timeout", in: 0.1...60) ?? .seconds(10), thresholds: thresholds, selectors: selectors,
            severity: try parameters.choice("severity", Severity.self) ?? .warning,
            limits: try limits(&parameters, standard: Hysteresis.Limits(raiseAfter: 3, clearAfter: 2)))
    }

    private static func requireHTTP(_ url: String, _ parameters: ActionParameters) throws(ConfigurationError) {
        guard url.hasPrefix("http://") || url.hasPrefix("https://"), url.utf8.count <= 2048 else {
            throw parameters.error("url", "expected an address that begins with http:// or https://")
        }
    }
}

/// The fields of one threshold.
private struct ThresholdFields {
    private let item: JSONValue
    private let path: String
    private let parameters: ActionParameters
    private static let names = ["alert_name", "severity", "metric", "labels", "aggregation", "above", "below", "clear", "for", "clear_for"]

    init(_ item: JSONValue, path: String, parameters: ActionParameters) {
        self.item = item
        self.path = path
        self.parameters = parameters
    }

    private func error(_ name: String, _ message: String) -> ConfigurationError { parameters.error("\(path).\(name)", message) }

    mutating func threshold() throws(ConfigurationError) -> MonitorSettings.Threshold {
        guard let members = item.object else { throw parameters.error(path, "expected alert_name, metric, and above or below") }
        if let stranger = members.keys.sorted().first(where: { !Self.names.contains($0) }) {
            let nearest = NearestName.of(stranger, in: Self.names)
            throw error(stranger, "is no field of a threshold\(nearest.map { ", did you mean '\($0)'" } ?? "")")
        }
        guard let alert = item["alert_name"]?.string, (1...128).contains(alert.utf8.count) else { throw error("alert_name", "is missing") }
        guard let metric = item["metric"]?.string, (1...256).contains(metric.utf8.count) else { throw error("metric", "is missing") }
        let above = item["above"]?.number
        let below = item["below"]?.number
        guard let raise = above ?? below, (above == nil) != (below == nil), raise.isFinite else {
            throw error("above", "expected a number in either above or below")
        }
        let clear = item["clear"]?.number ?? raise
        guard above != nil ? clear <= raise : clear >= raise else {
            throw error("clear", "expected a number on the good side of \(above != nil ? "above" : "below")")
        }
        let labels = (item["labels"]?.object ?? [:]).mapValues { $0.string ?? "" }
        let aggregation = try choice("aggregation", MetricSelector.Aggregation.self) ?? .sum
        return MonitorSettings.Threshold(
            alert: alert, severity: try choice("severity", Severity.self) ?? .warning,
            selector: MetricSelector(metric: metric, labels: labels, aggregation: aggregation), raise: raise, clear: clear,
            isUpper: above != nil, limits: Hysteresis.Limits(raiseAfter: try count("for"), clearAfter: try count("clear_for")))
    }

    private func count(_ name: String) throws(ConfigurationError) -> Int {
        guard let value = item[name] else { return 1 }
        guard let count = value.integer, (1...1000).contains(count) else { throw error(name, "expected a whole number from 1 to 1000") }
        return Int(count)
    }

    private func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _: Choice.Type
    ) throws(ConfigurationError) -> Choice? where Choice.RawValue == String {
        guard let value = item[name] else { return nil }
        guard let choice = value.string.flatMap(Choice.init(rawValue:)) else {
            throw error(name, "expected one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }
}
