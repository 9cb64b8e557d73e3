import Envelopes

/// Asks an address over HTTP whether what stands behind it is well. That it is not is an answer, not a failure.
public struct ProbeRequest: CallRequest {
    public typealias Response = ProbeResponse
    public static let kind: CallKind = "probe.http"

    public var check: String
    public var url: String
    /// Hosts that may be asked: `name`, `name:port`, or `*.domain`. Permanent failure `host-refused` for any other. nil: the address stands in the
    /// configuration, which is enough.
    public var allowedHosts: [String]?
    public var expectation: HealthExpectation
    /// For one question, connection included.
    public var timeLimit: Duration
    public var dependency: String { Self.dependency(at: url) }

    public init(check: String, url: String, allowedHosts: [String]?, expectation: HealthExpectation, timeLimit: Duration) {
        self.check = check
        self.url = url
        self.allowedHosts = allowedHosts
        self.expectation = expectation
        self.timeLimit = timeLimit
    }
}

/// What a healthy answer looks like.
public struct HealthExpectation: Codable, Sendable, Equatable {
    public var statuses: ClosedRange<Int>
    /// A text that the body must have; nil: any.
    public var text: String?

    public init(statuses: ClosedRange<Int> = 200...299, text: String? = nil) {
        self.statuses = statuses
        self.text = text
    }
}

public struct ProbeResponse: Codable, Sendable, Equatable {
    /// nil when healthy, else what is wrong.
    public var problem: String?
    /// nil when there was no answer.
    public var status: Int?
    public var seconds: Double

    public init(problem: String?, status: Int?, seconds: Double) {
        self.problem = problem
        self.status = status
        self.seconds = seconds
    }
}

/// Reads metrics in Prometheus' text format and picks some.
public struct MetricsScrape: CallRequest {
    public typealias Response = MetricsScrapeResponse
    public static let kind: CallKind = "metrics.scrape"

    public var target: String
    public var url: String
    /// Each gives one number.
    public var selectors: [MetricSelector]
    public var timeLimit: Duration
    public var dependency: String { Self.dependency(at: url) }

    public init(target: String, url: String, selectors: [MetricSelector], timeLimit: Duration) {
        self.target = target
        self.url = url
        self.selectors = selectors
        self.timeLimit = timeLimit
    }
}

/// The samples of one metric that have certain labels, made into one number.
public struct MetricSelector: Codable, Sendable, Equatable, Hashable {
    public enum Aggregation: String, Codable, Sendable, CaseIterable { case sum, max, min, average, count }

    public var metric: String
    /// A sample must have all of these, and may have more.
    public var labels: [String: String]
    public var aggregation: Aggregation

    public init(metric: String, labels: [String: String] = [:], aggregation: Aggregation = .sum) {
        self.metric = metric
        self.labels = labels
        self.aggregation = aggregation
    }

    /// As a person writes it: `max(http_errors{code="500"})`; a sum is written without its name.
    public var text: String {
        let pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }.joined(separator: ",")
        let bare = pairs.isEmpty ? metric : "\(metric){\(pairs)}"
        return aggregation == .sum ? bare : "\(aggregation.rawValue)(\(bare))"
    }
}

public struct MetricsScrapeResponse: Codable, Sendable, Equatable {
    /// nil when the metrics were read, else what is wrong.
    public var problem: String?
    public var status: Int?
    public var seconds: Double
    /// One for each selector, in their order; nil where no sample fits: an unknown is never a zero.
    public var values: [Double?]

    public init(problem: String?, status: Int?, seconds: Double, values: [Double?]) {
        self.problem = problem
        self.status = status
        self.seconds = seconds
        self.values = values
    }
}
