import Glibc
import Kafka

/// SIGTERM and SIGINT: the first asks for a drain, the second ends the process at once.
public enum TerminationSignals {
    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }

    /// Blocks both in this thread and all that it starts. The first act of `main`: a thread that is started before keeps them open. SIGPIPE is ignored.
    public static func block() {
        var set = set
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// While `body` runs on this thread, either of them ends the process at once.
    public static func unblocked<Value>(_ body: () throws -> Value) rethrows -> Value {
        var set = set
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        defer { pthread_sigmask(SIG_BLOCK, &set, nil) }
        return try body()
    }

    /// Waits for them on a thread of its own.
    static func watch(_ first: @escaping @Sendable () -> Void) {
        DedicatedThread.start(name: "signals") {
            var set = set
            var signal: Int32 = 0
            var count = 0
            while true {
                guard sigwait(&set, &signal) == 0 else { continue }
                count += 1
                if count > 1 { _exit(128 + signal) }
                first()
            }
        }
    }
}
