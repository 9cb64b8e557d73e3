import Glibc
import Synchronization

/// Keeps cleaning from taking more of the disk and the processor than it may, and ends it early when nobody wants it any more.
final class CleaningPace: Sendable {
    private struct State {
        var isCancelled = false
        var spent = 0
        var began: UInt64 = 0
    }

    /// A pause is no longer than this, so that a cancelled cleaning ends soon.
    private static let longestPause: UInt64 = 50_000_000
    private let bytesPerSecond: Int
    private let state = Mutex(State())

    init(bytesPerSecond: Int) { self.bytesPerSecond = max(1, bytesPerSecond) }

    var isCancelled: Bool { state.withLock(\.isCancelled) }

    /// On any thread.
    func cancel() { state.withLock { $0.isCancelled = true } }

    /// Pauses as long as so many bytes, read and written, were too fast. On the cleaning thread.
    func spend(_ bytes: Int) {
        state.withLock { state in
            if state.began == 0 { state.began = Self.now }
            state.spent += bytes
        }
        while let pause = pause() { usleep(UInt32(pause / 1000) + 1) }
    }

    private func pause() -> UInt64? {
        state.withLock { state in
            let due = UInt64(Double(state.spent) / Double(bytesPerSecond) * 1_000_000_000)
            let passed = Self.now &- state.began
            guard !state.isCancelled, due > passed else { return nil }
            return min(due - passed, Self.longestPause)
        }
    }

    /// Nanoseconds of a clock that nobody sets.
    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
