import Glibc
import Kafka
import Synchronization

/// Samples the lag of some bots again and again, on a thread of its own that lives as long as the process.
final class LagWatch: Sendable {
    private struct State {
        var instances: [InstanceStatus] = []
        var samples: [(time: ContinuousClock.Instant, records: Int64?)] = []
    }
    private let state = Mutex(State())
    private static let maximumSamples = 10_000

    /// A sample each half second.
    init(_ settings: ClientSettings, bots: [String]) {
        DedicatedThread.start(name: "lag-watch") { [self] in
            while true {
                do {
                    let reader = try LagReader(settings)
                    defer { reader.close() }
                    while true {
                        let rows = try reader.sample(bots, state.withLock { $0.instances }).rows
                        // One partition of which nothing is known makes the sum unknown.
                        add(rows.reduce(Int64?(0)) { sum, row in sum.flatMap { sum in row.records.map { sum + $0 } } })
                        usleep(500_000)
                    }
                } catch {
                    add(nil)
                    usleep(500_000)
                }
            }
        }
    }

    private func add(_ records: Int64?) {
        state.withLock { state in
            state.samples.append((.now, records))
            if state.samples.count > Self.maximumSamples { state.samples.removeFirst() }
        }
    }

    /// Who owns what, for the next sample.
    func set(_ instances: [InstanceStatus]) { state.withLock { $0.instances = instances } }

    /// The samples since the last call.
    func take() -> [(time: ContinuousClock.Instant, records: Int64?)] {
        state.withLock { state in
            defer { state.samples = [] }
            return state.samples
        }
    }
}
