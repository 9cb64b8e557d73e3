import Testing

@testable import Telemetry

@Suite struct MetricsTests {
    /// The text was checked with Prometheus' own parsers: `promtool check metrics` and Python's `prometheus_client.parser`.
    @Test func textIsPrometheus() {
        let metrics = Metrics()
        let records = metrics.counter("mesh_records_total", help: "Records that were settled, by outcome.", labels: ["topic", "outcome"])
        records.add(2, "build.completed", "done")
        records.add(1, "code\"\\\n", "dead")
        metrics.gauge("mesh_lag", help: "Records behind.\nOne line \\ two.").set(3.25)
        let times = metrics.histogram("mesh_handle_seconds", help: "Time to handle a record.", labels: ["bot"], buckets: [0.1, 1])
        times.observe(0.1, "BuildBot")
        times.observe(.milliseconds(500), "BuildBot")
        times.observe(7, "BuildBot")
        _ = metrics.counter("mesh_restarts_total", help: "Restarts.")
        _ = metrics.gauge("mesh_unknown", help: "Never set.")
        #expect(
            metrics.text == #"""
                # HELP mesh_handle_seconds Time to handle a record.
                # TYPE mesh_handle_seconds histogram
                mesh_handle_seconds_bucket{bot="BuildBot",le="0.1"} 1
                mesh_handle_seconds_bucket{bot="BuildBot",le="1"} 2
                mesh_handle_seconds_bucket{bot="BuildBot",le="+Inf"} 3
                mesh_handle_seconds_sum{bot="BuildBot"} 7.6
                mesh_handle_seconds_count{bot="BuildBot"} 3
                # HELP mesh_lag Records behind.\nOne line \\ two.
                # TYPE mesh_lag gauge
                mesh_lag 3.25
                # HELP mesh_records_total Records that were settled, by outcome.
                # TYPE mesh_records_total counter
                mesh_records_total{topic="build.completed",outcome="done"} 2
                mesh_records_total{topic="code\"\\\n",outcome="dead"} 1
                # HELP mesh_restarts_total Restarts.
                # TYPE mesh_restarts_total counter
                mesh_restarts_total 0
                # HELP mesh_unknown Never set.
                # TYPE mesh_unknown gauge

                """#)
    }

    @Test func theSameNameGivesTheSameMetric() {
        let metrics = Metrics()
        metrics.counter("a_total", help: "A.").add(1)
        metrics.counter("a_total", help: "A.").add(1)
        #expect(metrics.counter("a_total", help: "A.").value() == 2)
    }

    @Test func aCounterNeverFalls() {
        let counter = Metrics().counter("a_total", help: "A.")
        counter.raise(to: 5)
        counter.raise(to: 3)
        #expect(counter.value() == 5)
    }

    @Test func anUnknownGaugeIsAbsent() {
        let gauge = Metrics().gauge("lag", help: "L.", labels: ["topic"])
        gauge.set(1, "a")
        gauge.remove("a")
        #expect(gauge.value("a") == nil)
    }

    @Test func seriesAreBounded() {
        let metrics = Metrics()
        let counter = metrics.counter("a_total", help: "A.", labels: ["id"])
        for id in 0..<5000 { counter.add(1, "\(id)") }
        #expect(metrics.text.utf8.filter { $0 == UInt8(ascii: "\n") }.count <= SeriesTable<Double>.limit + 3)
        #expect(counter.value("other") == Double(5000 - SeriesTable<Double>.limit))
    }

    @Test func manyThreadsCountRight() async {
        let metrics = Metrics()
        let counter = metrics.counter("a_total", help: "A.")
        let times = metrics.histogram("b_seconds", help: "B.")
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        counter.add()
                        times.observe(0.5)
                    }
                }
            }
        }
        #expect(counter.value() == 8000)
        #expect(metrics.text.contains("b_seconds_count 8000\n"))
    }
}
