import BotKit

/// Performs `probe.http`.
public struct HTTPProber: CallPerformer {
    private let client: HTTPClient

    /// - Parameter client: which addresses it may connect to is its policy; which hosts, the request says.
    public init(client: HTTPClient) { self.client = client }

    public func perform(_ request: ProbeRequest, _ context: CallContext) async throws(CallFailure) -> ProbeResponse {
        if let hosts = request.allowedHosts, !HostRule.allows(request.url, hosts) {
            throw CallFailure(
                .permanent, code: "host-refused",
                message: "\(HTTPClient.host(of: request.url)) is not among allowed_hosts of MonitorBot's step monitor.health")
        }
        let answer = try await client.ask(request.url, timeLimit: request.timeLimit, maximumBytes: 1 << 20)
        guard let response = answer.response else { return ProbeResponse(problem: answer.problem, status: nil, seconds: answer.seconds) }
        var problem: String?
        if !request.expectation.statuses.contains(response.status) {
            problem = "answered \(response.status)"
        } else if let text = request.expectation.text, response.text.firstRange(of: text) == nil {
            problem = "answered \(response.status) without the text that is expected"
        }
        return ProbeResponse(problem: problem, status: response.status, seconds: answer.seconds)
    }
}

/// Performs `metrics.scrape`.
public struct MetricsScraper: CallPerformer {
    private let client: HTTPClient
    /// A larger page is refused.
    static let maximumBytes = 32 << 20

    public init(client: HTTPClient) { self.client = client }

    public func perform(_ request: MetricsScrape, _ context: CallContext) async throws(CallFailure) -> MetricsScrapeResponse {
        let answer = try await client.ask(request.url, timeLimit: request.timeLimit, maximumBytes: Self.maximumBytes)
        func problem(_ text: String?) -> MetricsScrapeResponse {
            MetricsScrapeResponse(problem: text, status: answer.response?.status, seconds: answer.seconds, values: [])
        }
        guard let response = answer.response else { return problem(answer.problem) }
        guard response.isSuccess else { return problem("answered \(response.status)") }
        // A page of many megabytes takes a while to read.
        let names = Set(request.selectors.map(\.metric))
        let page = await onOwnThread { () -> Result<PrometheusText, PrometheusText.FormatError> in
            do throws(PrometheusText.FormatError) {
                return .success(try PrometheusText(parsing: response.body, names: names))
            } catch {
                return .failure(error)
            }
        }
        switch page {
        case .failure(let error): return problem("line \(error.line) of the metrics: \(error.reason)")
        case .success(let page):
            return MetricsScrapeResponse(
                problem: nil, status: response.status, seconds: answer.seconds, values: request.selectors.map(page.value))
        }
    }
}

/// Which hosts may be asked.
enum HostRule {
    /// `rules` are `name`, `name:port`, or `*.domain`; an IPv6 address stands without brackets, and without a port.
    static func allows(_ url: String, _ rules: [String]) -> Bool {
        let host = HTTPClient.host(of: url)
        guard !host.isEmpty, url.hasPrefix("http://") || url.hasPrefix("https://") else { return false }
        let rest = url.drop { $0 != ":" }.dropFirst(3)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        // A name and password in the address only serve to mislead.
        guard !authority.contains("@"), !authority.contains("\\") else { return false }
        let port = authority.last == "]" ? nil : authority.lastIndex(of: ":").map { String(authority[authority.index(after: $0)...]) }
        let explicit = "\(host):\(port ?? (url.hasPrefix("https") ? "443" : "80"))"
        return rules.contains { rule in
            let rule = rule.lowercased()
            return rule == host || rule == explicit
                || (rule.hasPrefix("*.") && host.hasSuffix(rule.dropFirst(1)) && host.count >= rule.count)
        }
    }
}

extension HTTPClient {
    /// One question; what goes wrong on the way is part of the answer, but for a cancellation.
    fileprivate func ask(
        _ url: String, timeLimit: Duration, maximumBytes: Int
    ) async throws(CallFailure) -> (response: HTTPResponse?, problem: String?, seconds: Double) {
        let start = ContinuousClock.now
        func seconds() -> Double {
            let (seconds, attoseconds) = start.duration(to: .now).components
            return Double(seconds) + Double(attoseconds) * 1e-18
        }
        let request = HTTPRequest(
            url, connectTimeLimit: timeLimit, timeLimit: timeLimit, maximumResponseBytes: maximumBytes, reusesConnection: false)
        do throws(TransferError) {
            return (try await send(request), nil, seconds())
        } catch {
            if error.kind == .cancelled { throw error.callFailure }
            return (nil, error.message, seconds())
        }
    }
}

extension CallPerformers {
    /// Registers what MonitorBot asks for. Private addresses pass: every host that is asked stands in the configuration.
    public mutating func registerMonitor() {
        let client = HTTPClient(policy: .anywhere)
        register(HTTPProber(client: client))
        register(MetricsScraper(client: client))
    }
}
