import Glibc
import Kafka
import Synchronization

/// Waits until a condition holds; throws when it does not within the time. Asks again each 10 ms.
public func eventually(
    _ what: String = "the condition", within limit: Duration = .seconds(60), file: StaticString = #fileID, line: UInt = #line,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now.advanced(by: limit)
    while true {
        if try await condition() { return }
        guard ContinuousClock.now < deadline else { throw TimedOut(what: what, limit: limit, place: "\(file):\(line)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Waits as `eventually` does, for what is promised within a time: while the machine stands still, or lets nobody run, that time does too.
public func promptly(
    _ what: String, within limit: Duration, file: StaticString = #fileID, line: UInt = #line, _ condition: () async throws -> Bool
) async throws {
    let clock = RunningClock()
    defer { clock.stop() }
    while true {
        if try await condition() { return }
        guard clock.elapsed < limit else { throw TimedOut(what: what, limit: limit, place: "\(file):\(line)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Counts the time in which the machine runs whoever wants to run: that of a thread that asks for its turn again and again.
private final class RunningClock: Sendable {
    private static let step: Duration = .milliseconds(10)
    /// What one turn counts at the most.
    private static let longestStep: Duration = .milliseconds(50)

    private let counted = Mutex(Duration.zero)
    private let isStopped = Atomic(false)

    init() {
        DedicatedThread.start(name: "running-clock") { [self] in
            var last = ContinuousClock.now
            while !isStopped.load(ordering: .relaxed) {
                usleep(UInt32(Self.step / .microseconds(1)))
                let now = ContinuousClock.now
                let passed = min(last.duration(to: now), Self.longestStep)
                counted.withLock { $0 += passed }
                last = now
            }
        }
    }

    var elapsed: Duration { counted.withLock { $0 } }

    func stop() { isStopped.store(true, ordering: .relaxed) }
}

/// A condition that did not come to hold.
public struct TimedOut: Error, CustomStringConvertible {
    let what: String
    let limit: Duration
    let place: String

    public var description: String { "\(place): \(what) did not come to hold within \(limit)" }
}
