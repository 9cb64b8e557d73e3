import FoundationEssentials
import Synchronization

/// Real time, but sleeping takes none; what was asked for is kept.
final class QuickClock: Clock, Sendable {
    private let asked = Mutex<[Duration]>([])
    var slept: [Duration] { asked.withLock { $0 } }
    /// It stands still, so what is slept does not depend on how fast the machine is.
    let now = ContinuousClock.now
    var minimumResolution: Duration { .nanoseconds(1) }
    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        asked.withLock { $0.append(now.duration(to: deadline)) }
    }
}

final class Counter: Sendable {
    private let value = Mutex(0)
    func next() -> Int {
        value.withLock { value in
            value += 1
            return value
        }
    }
}

func decodedBase64(_ text: String) -> String? { Data(base64Encoded: text).map { String(decoding: $0, as: UTF8.self) } }
