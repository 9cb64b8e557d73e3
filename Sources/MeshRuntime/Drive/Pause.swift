import Glibc

/// Waits between two tries of a call that failed at once. Only on threads of our own.
enum Pause {
    static func milliseconds(_ count: Int64) {
        var span = timespec(tv_sec: Int(count / 1_000), tv_nsec: Int(count % 1_000) * 1_000_000)
        // A signal may end it early, which does no harm.
        nanosleep(&span, nil)
    }
}
