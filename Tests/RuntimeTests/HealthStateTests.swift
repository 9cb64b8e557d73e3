import Envelopes
import Synchronization
import Telemetry
import Testing

@testable import MeshRuntime

/// What the process answers about itself when its engine says nothing any more.
@Suite struct HealthStateTests {
    private final class ManualUptime: Sendable {
        private let milliseconds = Mutex<Int64>(1_000_000)
        var now: Int64 { milliseconds.withLock { $0 } }
        func pass(_ more: Int64) { milliseconds.withLock { $0 += more } }
    }

    /// By its own clock the record is decades old: the wall clock may be set to anything.
    private func record(_ state: InstanceRecord.State = .running, notReady: String? = nil) -> InstanceRecord {
        let time = Timestamp(milliseconds: 0).text
        return InstanceRecord(
            bot: "WorkBot", replica: 1, instance: "WorkBot-1", host: "h", pid: 1, version: "1.0.0", state: state, notReady: notReady,
            delivery: "exactly-once", partitions: [], startedAt: time, lastSeen: time)
    }

    private func reason(_ response: HealthServer.Response) throws -> String? {
        try JSONValue.parse(response.body)["not_ready"]?.string
    }

    @Test func anEngineThatHangsIsNotReadyAndThenNotAlive() throws {
        let uptime = ManualUptime()
        let health = HealthState { uptime.now }
        #expect(health.healthResponse.status == 200 && health.readyResponse.status == 503, "it starts")
        health.set(record(), at: uptime.now)
        #expect(health.healthResponse.status == 200 && health.readyResponse.status == 200)
        uptime.pass(9_999)
        #expect(health.healthResponse.status == 200 && health.readyResponse.status == 200)
        uptime.pass(1)
        #expect(health.healthResponse.status == 200 && health.readyResponse.status == 503)
        #expect(try reason(health.readyResponse) == "the engine has not reported for 10 s")
        uptime.pass(20_000)
        #expect(health.healthResponse.status == 503 && health.readyResponse.status == 503)
        #expect(try reason(health.healthResponse) == "the engine has not reported for 30 s")
        health.set(record(), at: uptime.now)
        #expect(health.healthResponse.status == 200 && health.readyResponse.status == 200)
    }

    @Test func whatTheEngineItselfSaysCounts() throws {
        let uptime = ManualUptime()
        let health = HealthState { uptime.now }
        for (record, status) in [(record(.paused), 200), (record(.starting), 503), (record(notReady: "stands still"), 503)] {
            health.set(record, at: uptime.now)
            #expect(health.readyResponse.status == status)
            #expect(health.healthResponse.status == 200)
        }
    }
}
