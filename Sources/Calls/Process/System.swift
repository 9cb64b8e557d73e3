import CSystem
import Glibc

/// The text of an `errno`.
func errorText(_ number: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        csystem_error_text(number, buffer.baseAddress, buffer.count)
        return String(cString: buffer.baseAddress!)
    }
}

extension Duration {
    /// Whole milliseconds, rounded up, saturating at the ends of an `Int`.
    var roundedUpMilliseconds: Int {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return seconds < 0 ? Int.min : Int.max }
        let (sum, sumOverflow) = scaled.addingReportingOverflow((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
        return sumOverflow ? Int.max : Int(sum)
    }

    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}

/// A file descriptor that is closed exactly once, with its last reference.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }
    deinit { close(number) }

    /// A pipe whose ends no child inherits.
    static func pipe() throws(ChildError) -> (read: Descriptor, write: Descriptor) {
        var ends: [Int32] = [-1, -1]
        let result = csystem_pipe(&ends)
        guard result == 0 else { throw ChildError("cannot make a pipe", number: -result) }
        return (Descriptor(ends[0]), Descriptor(ends[1]))
    }

    func setNonBlocking() {
        let flags = fcntl(number, F_GETFL)
        if flags >= 0 { _ = fcntl(number, F_SETFL, flags | O_NONBLOCK) }
    }
}

/// Runs `work` on a thread of its own, and comes back with what it returned: for work that blocks.
///
/// All signals are blocked on that thread, so that handlers never run there.
func onOwnThread<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        let box = ThreadBox { continuation.resume(returning: work()) }
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 512 << 10)
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(box)
        let result = pthread_create(
            &thread, &attributes,
            {
                Unmanaged<ThreadBox>.fromOpaque($0!).takeRetainedValue().body()
                return nil
            }, context.toOpaque())
        if result != 0 {
            // No thread to be had: the work is done here instead, late but not lost.
            context.takeRetainedValue().body()
        }
    }
}

private final class ThreadBox {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}
