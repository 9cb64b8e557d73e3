import Envelopes
import Synchronization
import Telemetry

/// The last report, for the server's thread.
final class HealthState: Sendable {
    /// When it came is told by the clock that nobody sets.
    private let last = Mutex<(record: InstanceRecord, uptime: Int64)?>(nil)
    private let uptime: @Sendable () -> Int64

    /// An engine that has not reported for so many milliseconds hangs: nothing shall be expected of it, and after the longer time it is to be started again.
    private static let (readyLimit, healthLimit): (Int64, Int64) = (10_000, 30_000)

    /// `uptime` is now, in milliseconds, as `Moment` has it.
    init(uptime: @escaping @Sendable () -> Int64 = { Moment.current.uptime }) { self.uptime = uptime }

    func set(_ record: InstanceRecord, at uptime: Int64) { last.withLock { $0 = (record, uptime) } }

    /// The process runs; 503 only when its engine has not reported for half a minute.
    var healthResponse: HealthServer.Response {
        guard let (record, age) = report else { return .json(["status": .string("starting")]) }
        return answer(record, isGood: age < Self.healthLimit)
    }

    var readyResponse: HealthServer.Response {
        guard let record = report?.record else { return .json(["status": .string("starting")], status: 503) }
        return answer(record, isGood: record.notReady == nil && (record.state == .running || record.state == .paused))
    }

    /// The last one and its age in milliseconds. One that is too old says so.
    private var report: (record: InstanceRecord, age: Int64)? {
        guard let last = last.withLock({ $0 }) else { return nil }
        var record = last.record
        let age = uptime() - last.uptime
        if age >= Self.readyLimit { record.notReady = "the engine has not reported for \(age / 1_000) s" }
        return (record, age)
    }

    private func answer(_ record: InstanceRecord, isGood: Bool) -> HealthServer.Response {
        do {
            return HealthServer.Response(status: isGood ? 200 : 503, contentType: "application/json", body: try JSONCoder.bytes(record))
        } catch {
            return .json(["status": .string("unreadable")], status: 500)
        }
    }
}
