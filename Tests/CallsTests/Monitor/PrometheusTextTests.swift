import BotKit
import MeshTesting
import Testing

@testable import Calls

@Suite struct PrometheusTextTests {
    private let page = """
        # HELP http_requests_total The total.
        # TYPE http_requests_total counter
        http_requests_total{method="post",code="200"} 1027 1395066363000
        http_requests_total{method="post", code="400",} 3
        msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9
        metric_without_labels 12.47
          spaced{ a = "1" }   +Inf
        rpc_seconds{quantile="0.99"} NaN
        job:ratio 0.5 # {trace_id="1"} 1
        """

    private func read(_ text: String) throws -> PrometheusText { try PrometheusText(parsing: Array(text.utf8)) }

    @Test func samplesAreRead() throws {
        let samples = try read(page).samples
        #expect(samples.count == 7)
        #expect(samples[1].labels == ["method": "post", "code": "400"] && samples[1].value == 3)
        #expect(samples[2].labels["error"] == "Cannot find file:\n\"FILE.TXT\"")
        #expect(samples[4].value == .infinity && samples[5].value.isNaN && samples[6].name == "job:ratio")
    }

    @Test func selectorsGiveOneNumber() throws {
        let page = try read(page)
        func value(_ metric: String, _ labels: [String: String] = [:], _ aggregation: MetricSelector.Aggregation = .sum) -> Double? {
            page.value(MetricSelector(metric: metric, labels: labels, aggregation: aggregation))
        }
        #expect(value("http_requests_total") == 1030 && value("http_requests_total", ["code": "400"]) == 3)
        #expect(value("http_requests_total", [:], .max) == 1027 && value("http_requests_total", [:], .average) == 515)
        #expect(value("http_requests_total", [:], .min) == 3 && value("http_requests_total", [:], .count) == 2)
        #expect(value("missing") == nil && value("spaced") == nil && value("rpc_seconds") == nil)
    }

    @Test(arguments: [
        "a{", "a{b}", "a{b=\"c} 1", "a b", "{a=\"1\"} 1", "a{b=\"1\",b=\"2\"} 1", "a 0x10", "a 1 x", "a{b=\"1\" c=\"2\"} 1", "1a 2",
    ])
    func mistakesAreNamed(_ line: String) {
        #expect(throws: PrometheusText.FormatError.self) { try read("ok 1\n\(line)\n") }
    }

    @Test func anyTextIsReadOrRefused() {
        var random = SeededGenerator(seed: 13)
        for _ in 0..<3000 {
            do { _ = try PrometheusText(parsing: random.mutated(Array(page.utf8))) } catch {}
        }
    }
}

@Suite struct HTTPProberTests {
    private let client = HTTPClient(policy: .anywhere)
    private let context = CallContext(idempotencyKey: "k", runID: "r", correlationID: "c")

    private func ask(
        _ url: String, hosts: [String]? = ["127.0.0.1"], text: String? = nil, statuses: ClosedRange<Int> = 200...299
    ) async throws -> ProbeResponse {
        try await HTTPProber(client: client).perform(
            ProbeRequest(
                check: "c", url: url, allowedHosts: hosts, expectation: HealthExpectation(statuses: statuses, text: text),
                timeLimit: .seconds(60)), context)
    }

    @Test func anAnswerIsJudged() async throws {
        let server = TestHTTPServer { request in
            switch request.target {
            case "/health": TestHTTPServer.Response(200, body: "all good")
            case "/moved": TestHTTPServer.Response(302, headers: [("location", "/health")])
            case "/drop": TestHTTPServer.Response(drops: true)
            default: TestHTTPServer.Response(503)
            }
        }
        let base = "http://127.0.0.1:\(server.port)"
        let well = try await ask("\(base)/health", text: "good")
        #expect(well.problem == nil && well.status == 200 && well.seconds > 0)
        #expect(try await ask("\(base)/health", text: "bad").problem == "answered 200 without the text that is expected")
        #expect(try await ask("\(base)/x").problem == "answered 503")
        #expect(try await ask("\(base)/x", statuses: 503...503).problem == nil)
        #expect(try await ask("\(base)/moved").problem == "answered 302", "a redirect could lead anywhere")
        #expect(try await ask("\(base)/drop").problem != nil)
    }

    @Test func onlyNamedHostsAreAsked() async throws {
        let server = TestHTTPServer()
        for (url, hosts) in [
            ("http://127.0.0.1:\(server.port)/", []), ("http://127.0.0.1:\(server.port)/", ["localhost", "127.0.0.1:1"]),
            ("http://allowed.example@127.0.0.1:\(server.port)/", ["127.0.0.1"]), ("file:///etc/passwd", ["*.x"]),
            ("http://127.0.0.1:\(server.port)\\@allowed.example/", ["allowed.example"]),
        ] {
            do {
                _ = try await ask(url, hosts: hosts)
                Issue.record("\(url) was asked")
            } catch let failure as CallFailure {
                #expect(failure.code == "host-refused" && failure.kind == .permanent)
            }
        }
        #expect(server.requests.isEmpty)
        #expect(try await ask("http://127.0.0.1:\(server.port)/", hosts: ["127.0.0.1:\(server.port)"]).problem == nil)
        #expect(try await ask("http://127.0.0.1:\(server.port)/", hosts: nil).problem == nil)
        #expect(
            HostRule.allows("https://a.corp.example/x", ["*.corp.example"])
                && !HostRule.allows("https://corp.example/x", ["*.corp.example"]))
    }

    @Test func metricsAreScraped() async throws {
        let server = TestHTTPServer { request in
            request.target == "/metrics"
                ? TestHTTPServer.Response(200, body: "up 1\nother{ broken\n") : TestHTTPServer.Response(200, body: "up{ 1")
        }
        func scrape(_ path: String) async throws -> MetricsScrapeResponse {
            try await MetricsScraper(client: client).perform(
                MetricsScrape(
                    target: "t", url: "http://127.0.0.1:\(server.port)\(path)",
                    selectors: [MetricSelector(metric: "up"), MetricSelector(metric: "down")], timeLimit: .seconds(60)), context)
        }
        let good = try await scrape("/metrics")
        #expect(good.problem == nil && good.values == [1, nil], "metrics that nobody asked for are not read")
        #expect(try await scrape("/bad").problem == "line 1 of the metrics: a label was expected")
    }
}
